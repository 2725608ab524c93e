"""Another size: each pixel a weighted sum over a window of the source, or the nearest one."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

from imgsvc.kernels.alpha cimport OPAQUE, RGBA, is_opaque, premultiply_floats
from imgsvc.kernels.chunks cimport Chunk, Chunks, chunks_of, compute, cut
from imgsvc.kernels.floats cimport to_bytes
from imgsvc.kernels.image cimport Image, at, prefetch_rows
from imgsvc._stop cimport should_stop, stop_state

cdef extern from "shuffle.h":
    void transpose_bytes "imgsvc_transpose_gray"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride
    ) noexcept nogil
    void transpose_words "imgsvc_transpose_rgba"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride
    ) noexcept nogil

cdef extern from "moves.h":
    void select_pixels "imgsvc_select"(
        const uint8_t* src, const int64_t* columns, uint8_t* dst, int64_t width, int64_t pixel_bytes
    ) noexcept nogil

cdef extern from "resample.h":
    enum:
        GROUP "IMGSVC_GROUP"

    ctypedef struct Windows "imgsvc_windows":
        const int64_t* starts
        const int64_t* counts
        const float* weights
        int64_t most

    void weigh_rows "imgsvc_weigh_rows"(
        const uint8_t* src, int64_t stride, const float* weights, int64_t count, float* sums, int64_t n
    ) noexcept nogil
    void weigh_float_rows "imgsvc_weigh_float_rows"(
        const float* src, int64_t stride, const float* weights, int64_t count, bint go_on, float* sums,
        int64_t n
    ) noexcept nogil
    void unpremultiply_columns "imgsvc_unpremultiply_columns"(
        const Windows* windows, const float* whites, float* sums, int64_t first, int64_t last
    ) noexcept nogil
    void weigh_columns "imgsvc_weigh_columns"(
        const float* taps, int64_t begin, int64_t end, const Windows* windows, float* sums,
        int64_t first, int64_t last, int64_t channels
    ) noexcept nogil

cdef enum:
    TILE = 256    # columns of the result in a chunk, at most
    STRIP = 1024  # bytes of a row of the source at a time
    STRIP_PRODUCTS = 1 << 22  # of a weight and a pixel for a row of the result: less than a millisecond
    LINE = 16     # floats of a cache line
    WEIGHTED_ROWS = 8  # of a strip of the source, whose colours are weighted by alpha at a time

    # Of the source, for a chunk whose rows can be fewer, and for one of which only the columns can. These
    # share windows of the first pass: the fewer of them, the more is computed twice.
    CHUNK_SOURCE_BYTES = 1 << 20
    MOST_SOURCE_BYTES = 1 << 22
    FEWEST_COLUMNS = 16

    QUICK_PRODUCTS = 1 << 16  # some 10 microseconds
    ROW_PRODUCTS = 256        # that take as long as coming to a row


cdef struct Resampling:
    Image src
    Image dst
    Windows rows
    Windows columns
    int64_t strip    # columns of the source at a time
    int64_t pitch    # floats from a row of a strip to the next
    int64_t columns_floats
    int64_t sums_floats
    int64_t weighted_floats
    bint weighted    # colours by their alpha


cdef inline int resample(
    const Image* src,
    const Image* dst,
    const Windows* rows,
    const Windows* columns,
    bint weighted,
    int num_threads,
    stop_state* stop,
) except -1:
    """Write to `dst` weighted sums of `src`: over windows of rows, then of columns.

    With `weighted`, pixels are RGBA, and colours weighted by their alpha too.
    """
    cdef Resampling work
    cdef Chunks chunks
    cdef int64_t channels = src.channels
    cdef int64_t across = min(dst.width, TILE)
    cdef int64_t row_bytes = max(across * src.width // dst.width, 1) * channels
    row_bytes *= max(src.height // dst.height, 1)
    while row_bytes > MOST_SOURCE_BYTES and across > FEWEST_COLUMNS:
        across //= 2
        row_bytes //= 2
    chunks = cut(
        dst.height, dst.width, min(max(CHUNK_SOURCE_BYTES // row_bytes, 1), GROUP), across
    )

    work.src = src[0]
    work.dst = dst[0]
    work.rows = rows[0]
    work.columns = columns[0]
    work.weighted = weighted
    chunks.quick = (
        dst.height * (src.width * channels * work.rows.most + ROW_PRODUCTS) <= QUICK_PRODUCTS >> weighted
        and max(dst.height, GROUP) * dst.width * channels * work.columns.most <= QUICK_PRODUCTS >> weighted
    )
    work.strip = max(min(src.width, STRIP // channels, STRIP_PRODUCTS // (work.rows.most * channels)), 1)
    # A power of two between the rows would put all of them into one set of the cache.
    work.pitch = (work.strip * channels // LINE + 2) * LINE
    work.columns_floats = work.strip * channels * GROUP
    work.sums_floats = chunks.columns * channels * GROUP
    # Rows that are weighted by alpha, and later what 255 comes to in each of a group.
    work.weighted_floats = max(WEIGHTED_ROWS * work.pitch, GROUP) if weighted else 0
    return compute(
        resample_chunk, &work, &chunks,
        4 * (GROUP * work.pitch + work.columns_floats + work.sums_floats + work.weighted_floats)
        + work.sums_floats,
        num_threads, stop,
    )


cdef inline void resample_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    """Strip by strip: its rows are weighed; what came of them, column by column, are the next taps."""
    cdef const Resampling* resampling = <const Resampling*>work
    cdef const Image* src = &resampling.src
    cdef const Windows* rows = &resampling.rows
    cdef const Windows* columns = &resampling.columns
    cdef int64_t channels = src.channels
    cdef int64_t pixel = channels * GROUP
    cdef int64_t height = chunk.bottom - chunk.top
    cdef float* row_sums = <float*>scratch
    cdef float* taps = row_sums + GROUP * resampling.pitch
    cdef float* sums = taps + resampling.columns_floats
    cdef float* weighted = sums + resampling.sums_floats
    cdef uint8_t* pixels = <uint8_t*>(weighted + resampling.weighted_floats)
    cdef int64_t begin = columns.starts[chunk.left]
    cdef int64_t last_column = columns.starts[chunk.right - 1] + columns.counts[chunk.right - 1]
    cdef int64_t first = chunk.left
    cdef int64_t last = chunk.left
    cdef bint translucent = False
    cdef int64_t end, opaque, y
    if height < GROUP:
        memset(taps, 0, resampling.columns_floats * sizeof(float))
    while begin < last_column:
        # One pixel of the result may stand for all of a large image.
        if should_stop(chunk.stop):
            return
        end = min(begin + resampling.strip, last_column)
        opaque = rows.starts[chunk.top]
        for y in range(chunk.top, chunk.bottom):
            if resampling.weighted and not is_opaque_to(
                src, &opaque, rows.starts[y] + rows.counts[y], begin, end
            ):
                translucent = True
                if not weigh_rows_by_alpha(resampling, chunk, y, begin, end, weighted, row_sums):
                    return
                break
            if resampling.weighted:
                pass  # its rows have been looked at just now, one after the other
            elif y + 1 < chunk.bottom:  # what the next window has beyond this one
                prefetch_rows(
                    src, rows.starts[y] + rows.counts[y], rows.starts[y + 1] + rows.counts[y + 1], begin, end
                )
            else:
                prefetch_rows(
                    src, rows.starts[chunk.top], rows.starts[chunk.top] + rows.counts[chunk.top], end,
                    min(end + resampling.strip, last_column),
                )
            weigh_rows(
                at(src, rows.starts[y], begin), src.stride, rows.weights + y * rows.most, rows.counts[y],
                row_sums + (y - chunk.top) * resampling.pitch, (end - begin) * channels,
            )
        transpose_words(
            <uint8_t*>row_sums, <uint8_t*>taps, height, (end - begin) * channels,
            resampling.pitch * sizeof(float), GROUP * sizeof(float),
        )
        while first < chunk.right and columns.starts[first] + columns.counts[first] <= begin:
            first += 1
        while last < chunk.right and columns.starts[last] < end:
            last += 1
        weigh_columns(
            taps, begin, end, columns, sums + (first - chunk.left) * pixel, first, last, channels
        )
        begin = end
    if translucent and not divide_by_alpha(resampling, chunk, weighted, sums):
        return
    to_bytes(sums, pixels, (chunk.right - chunk.left) * pixel)
    transpose_bytes(
        pixels, at(&resampling.dst, chunk.top, chunk.left), (chunk.right - chunk.left) * channels, height,
        GROUP, resampling.dst.stride,
    )


cdef inline bint is_opaque_to(
    const Image* src, int64_t* row, int64_t last, int64_t begin, int64_t end
) noexcept nogil:
    """Whether all rows up to `last` are opaque, in columns `begin` to `end`; those above `row` are.

    Rows are looked at just before they are weighed, and `row` comes to the first that was not.
    """
    while row[0] < last:
        if not is_opaque(at(src, row[0], begin), end - begin):
            return False
        row[0] += 1
    return True


cdef inline bint weigh_rows_by_alpha(
    const Resampling* work, Chunk chunk, int64_t first, int64_t begin, int64_t end, float* weighted,
    float* row_sums,
) noexcept nogil:
    """Weigh rows as `weigh_rows` does, with colours weighted by alpha; some rows at a time, for all windows.

    That is for rows of the result from `first` on. Of opaque pixels the sums are those of `weigh_rows`.
    Returns whether it was not told to stop.
    """
    cdef const Windows* rows = &work.rows
    cdef int64_t row = rows.starts[first]
    cdef int64_t last = rows.starts[chunk.bottom - 1] + rows.counts[chunk.bottom - 1]
    cdef int64_t stop, top, bottom, start, y
    while row < last:
        if should_stop(chunk.stop):
            return False
        stop = min(row + WEIGHTED_ROWS, last)
        for y in range(row, stop):
            premultiply_floats(at(&work.src, y, begin), weighted + (y - row) * work.pitch, end - begin)
        for y in range(first, chunk.bottom):
            start = rows.starts[y]
            top = max(start, row)
            bottom = min(start + rows.counts[y], stop)
            if top < bottom:
                weigh_float_rows(
                    weighted + (top - row) * work.pitch, work.pitch * sizeof(float),
                    rows.weights + y * rows.most + (top - start), bottom - top, top > start,
                    row_sums + (y - chunk.top) * work.pitch, (end - begin) * RGBA,
                )
        row = stop
    return True


cdef inline bint divide_by_alpha(
    const Resampling* work, Chunk chunk, float* whites, float* sums
) noexcept nogil:
    """Divide colours by the part that alphas are of what they would be if all were opaque.

    Returns whether it was not told to stop.
    """
    cdef const Windows* rows = &work.rows
    cdef int64_t step = max(STRIP_PRODUCTS // (GROUP * work.columns.most), 1)
    cdef int64_t x, y, t
    cdef float white
    memset(whites, 0, GROUP * sizeof(float))
    for y in range(chunk.top, chunk.bottom):
        white = 0
        for t in range(rows.counts[y]):
            white = white + rows.weights[y * rows.most + t] * <float>OPAQUE
        whites[y - chunk.top] = white
    x = chunk.left
    while x < chunk.right:
        if should_stop(chunk.stop):
            return False
        unpremultiply_columns(
            &work.columns, whites, sums + (x - chunk.left) * RGBA * GROUP, x, min(x + step, chunk.right)
        )
        x += step
    return True


cdef struct Selection:
    Image src
    Image dst
    const int64_t* rows
    const int64_t* columns


cdef inline int select(
    const Image* src,
    const Image* dst,
    const int64_t* rows,
    const int64_t* columns,
    int num_threads,
    stop_state* stop,
) except -1:
    """Write `dst[y, x] = src[rows[y], columns[x]]`, pixels of any depth."""
    cdef Selection selection = Selection(src[0], dst[0], rows, columns)
    cdef Chunks chunks = chunks_of(dst.height, dst.width, dst.channels, 1)
    return compute(select_chunk, &selection, &chunks, 0, num_threads, stop)


cdef inline void select_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Selection* selection = <const Selection*>work
    cdef const int64_t* columns = selection.columns + chunk.left
    cdef int64_t width = chunk.right - chunk.left
    cdef int64_t pixel_bytes = selection.src.channels
    cdef const uint8_t* row
    cdef uint8_t* dst
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        dst = at(&selection.dst, y, chunk.left)
        row = at(&selection.src, selection.rows[y], 0)
        if y > chunk.top and selection.rows[y] == selection.rows[y - 1]:
            memcpy(dst, at(&selection.dst, y - 1, chunk.left), width * pixel_bytes)
        else:
            select_pixels(row, columns, dst, width, pixel_bytes)
