"""Another size: each pixel a weighted sum over a window of the source, or the nearest one."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

from imgsvc.kernels.chunks cimport Chunk, Chunks, chunks_of, compute, cut
from imgsvc.kernels.floats cimport to_bytes
from imgsvc.kernels.image cimport Image, at
from imgsvc._stop cimport should_stop, stop_state

cdef extern from "shuffle.h":
    void transpose_bytes "imgsvc_transpose_gray"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns, int64_t src_stride, int64_t dst_stride
    ) noexcept nogil
    void transpose_words "imgsvc_transpose_rgba"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns, int64_t src_stride, int64_t dst_stride
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
    void weigh_columns "imgsvc_weigh_columns"(
        const float* taps, int64_t begin, int64_t end, const Windows* windows, float* sums,
        int64_t first, int64_t last, int64_t channels
    ) noexcept nogil

cdef enum:
    TILE = 256    # columns of the result in a chunk, at most
    STRIP = 1024  # bytes of a row of the source at a time
    STRIP_PRODUCTS = 1 << 22  # of a weight and a pixel for a row of the result: less than a millisecond
    LINE = 16     # floats of a cache line

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


cdef inline int resample(
    const Image* src,
    const Image* dst,
    const Windows* rows,
    const Windows* columns,
    int num_threads,
    stop_state* stop,
) except -1:
    """Write to `dst` weighted sums of `src`: over windows of rows, then of columns."""
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
    chunks.quick = (
        dst.height * (src.width * channels * work.rows.most + ROW_PRODUCTS) <= QUICK_PRODUCTS
        and max(dst.height, GROUP) * dst.width * channels * work.columns.most <= QUICK_PRODUCTS
    )
    work.strip = max(min(src.width, STRIP // channels, STRIP_PRODUCTS // (work.rows.most * channels)), 1)
    # A power of two between the rows would put all of them into one set of the cache.
    work.pitch = (work.strip * channels // LINE + 2) * LINE
    work.columns_floats = work.strip * channels * GROUP
    work.sums_floats = chunks.columns * channels * GROUP
    return compute(
        resample_chunk, &work, &chunks,
        4 * (GROUP * work.pitch + work.columns_floats + work.sums_floats) + work.sums_floats,
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
    cdef uint8_t* pixels = <uint8_t*>(sums + resampling.sums_floats)
    cdef int64_t begin = columns.starts[chunk.left]
    cdef int64_t last_column = columns.starts[chunk.right - 1] + columns.counts[chunk.right - 1]
    cdef int64_t first = chunk.left
    cdef int64_t last = chunk.left
    cdef int64_t end, y
    if height < GROUP:
        memset(taps, 0, resampling.columns_floats * sizeof(float))
    while begin < last_column:
        # One pixel of the result may stand for all of a large image.
        if should_stop(chunk.stop):
            return
        end = min(begin + resampling.strip, last_column)
        for y in range(chunk.top, chunk.bottom):
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
    to_bytes(sums, pixels, (chunk.right - chunk.left) * pixel)
    transpose_bytes(
        pixels, at(&resampling.dst, chunk.top, chunk.left), (chunk.right - chunk.left) * channels, height,
        GROUP, resampling.dst.stride,
    )


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
