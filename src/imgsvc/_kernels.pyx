"""The kernels: one ``prange`` driver each, over row functions that the compiler vectorises.

Nothing is validated here: ``imgsvc.operations`` has done that. Every image is (rows, columns, channels)
with contiguous rows; the stride between rows is free, and may be negative. Each output byte is written
by exactly one iteration, so the result is the same at any number of threads.

An iteration does one chunk, whose cost is bounded whatever the image's shape, and before it asks `stop`
whether to go on. A kernel that was stopped leaves the rest of `dst` as it was, and `stop.stopped` says so.
What is no more than a chunk is done at once: releasing the GIL, and OpenMP, would take longer.

A row function takes ``__restrict__`` pointers and stays out of line: with both, gcc knows that nothing
aliases and vectorises; without either it may fall back to scalar code.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from imgsvc._stop cimport Stop, should_stop, stop_state

cdef extern from *:
    """
    #include <stdint.h>
    #ifdef _OPENMP
    #define IMGSVC_OPENMP 1
    #else
    #define IMGSVC_OPENMP 0
    #endif
    typedef const uint8_t *__restrict__ imgsvc_u8_in;
    typedef uint8_t *__restrict__ imgsvc_u8_out;
    typedef const uint16_t *__restrict__ imgsvc_u16_in;
    typedef uint16_t *__restrict__ imgsvc_u16_out;
    #define IMGSVC_ROW_FUNCTION __attribute__((noinline)) void
    """
    const bint IMGSVC_OPENMP
    ctypedef const uint8_t* u8_in "imgsvc_u8_in"
    ctypedef uint8_t* u8_out "imgsvc_u8_out"
    ctypedef const uint16_t* u16_in "imgsvc_u16_in"
    ctypedef uint16_t* u16_out "imgsvc_u16_out"
    ctypedef void row_function "IMGSVC_ROW_FUNCTION"

openmp = bool(IMGSVC_OPENMP)


# --- chunks -----------------------------------------------------------------------------------------

cdef enum:
    CHUNK_BYTES = 65536  # about 10 microseconds of work, next to which asking `stop` is nothing


cdef struct Chunks:
    int64_t rows     # of a chunk
    int64_t columns  # of a chunk: all, unless a row by itself is too much
    int64_t across
    int64_t count


cdef Chunks chunks_of(int64_t height, int64_t width, int64_t pixel_bytes, int64_t multiple) noexcept nogil:
    """Cut an image into chunks of about `CHUNK_BYTES`, with a `multiple` of rows each, counted row by row."""
    cdef Chunks chunks
    cdef int64_t columns = max(CHUNK_BYTES // (multiple * pixel_bytes), 1)
    chunks.columns = min(width, columns)
    chunks.rows = max(CHUNK_BYTES // (chunks.columns * pixel_bytes * multiple), 1) * multiple
    chunks.across = (width + chunks.columns - 1) // chunks.columns
    chunks.count = chunks.across * ((height + chunks.rows - 1) // chunks.rows)
    return chunks


# --- mean of the 3x3 neighbourhood ------------------------------------------------------------------

cdef enum:
    MEAN_TILE = 1024  # bytes of a row at a time: two rows of uint16 sums and six of pixels stay in L1
    MAX_CHANNELS = 4

# What lies above the first row and below the last one.
cdef uint8_t[MEAN_TILE + 2 * MAX_CHANNELS] NO_ROW


def mean_3x3(
    const uint8_t[:, :, :] src not None, uint8_t[:, :, :] dst not None, int num_threads, Stop stop not None
):
    """Write to `dst` the mean of each pixel of `src` and its neighbours, rounded down.

    Rows go in pairs, since the two share the sum of the two rows between them.
    """
    cdef Chunks chunks = chunks_of(src.shape[0], src.shape[1], src.shape[2], 2)
    cdef stop_state* state = &stop.state
    cdef int64_t chunk
    if chunks.count == 1 and not should_stop(state):
        mean_chunk(src, dst, chunks, 0)
        return
    for chunk in prange(chunks.count, num_threads=num_threads, schedule="static", nogil=True):
        if not should_stop(state):
            mean_chunk(src, dst, chunks, chunk)


cdef void mean_chunk(
    const uint8_t[:, :, :] src, uint8_t[:, :, :] dst, Chunks chunks, int64_t chunk
) noexcept nogil:
    cdef int64_t width = src.shape[1]
    cdef int64_t y = chunk // chunks.across * chunks.rows
    cdef int64_t end = min(y + chunks.rows, src.shape[0])
    cdef int64_t left = chunk % chunks.across * chunks.columns
    cdef int64_t right = min(left + chunks.columns, width)
    while y < end:
        mean_row_pair(src, dst, y, left, right)
        y += 2


cdef void mean_row_pair(
    const uint8_t[:, :, :] src, uint8_t[:, :, :] dst, int64_t y, int64_t left, int64_t right
) noexcept nogil:
    """Rows `y` and, if there is one, `y + 1`, from column `left` to `right`."""
    cdef uint16_t[MEAN_TILE + 2 * MAX_CHANNELS] upper
    cdef uint16_t[MEAN_TILE + 2 * MAX_CHANNELS] lower
    cdef int64_t height = src.shape[0]
    cdef int64_t channels = src.shape[2]
    cdef int64_t inside = (src.shape[1] - 2) * channels  # bytes of a row but for its first and last pixel
    cdef bint at_edge = right == src.shape[1]
    cdef int64_t end = inside if at_edge else (right - 1) * channels
    cdef bint pair = y + 1 < height
    cdef int64_t upper_rows = 1 + (y > 0) + pair
    cdef int64_t lower_rows = 2 + (y + 2 < height)
    cdef const uint8_t* above = &src[y - 1, 0, 0] if y > 0 else NULL
    cdef const uint8_t* first = &src[y, 0, 0]
    cdef const uint8_t* second = &src[y + 1, 0, 0] if pair else NULL
    cdef const uint8_t* below = &src[y + 2, 0, 0] if y + 2 < height else NULL
    cdef uint8_t* dst_upper = &dst[y, 0, 0]
    cdef uint8_t* dst_lower = &dst[y + 1, 0, 0] if pair else NULL
    cdef int64_t x = max(left - 1, 0) * channels
    cdef int64_t width
    cdef bint last

    if inside < 0:  # a single column
        column_sums(
            above if above else NO_ROW, first, second if second else NO_ROW, below if below else NO_ROW,
            upper, lower, channels,
        )
        divide(upper, dst_upper, channels, upper_rows)
        if pair:
            divide(lower, dst_lower, channels, lower_rows)
        return

    while True:
        width = min(end - x, MEAN_TILE)
        column_sums(
            above + x if above else NO_ROW, first + x,
            second + x if second else NO_ROW, below + x if below else NO_ROW,
            upper, lower, width + 2 * channels,
        )
        last = at_edge and x + width == end
        mean_row_tile(upper, dst_upper, x, width, last, channels, upper_rows)
        if pair:
            mean_row_tile(lower, dst_lower, x, width, last, channels, lower_rows)
        x += width
        if x >= end:
            return


cdef void mean_row_tile(
    uint16_t* sums, uint8_t* dst, int64_t x, int64_t width, bint last, int64_t channels, int64_t rows
) noexcept nogil:
    """Bytes `x + channels` to `x + channels + width` of a row; with the first and the last tile, its ends."""
    # (t * ceil(2**16 / n)) >> 16 equals t // n for n = 3, 6, 9 and every t <= 255 n.
    cdef uint16_t reciprocal = <uint16_t>(65536 // (3 * rows) + 1)
    row_means(sums, dst + x + channels, width, channels, reciprocal)
    if x == 0:
        add(sums, sums + channels, sums, channels)
        divide(sums, dst, channels, 2 * rows)
    if last:
        # Two columns only: `sums` now holds the first pair's sum where the last pair's would be.
        if x + width > 0:
            add(sums + width, sums + width + channels, sums + width, channels)
        divide(sums + width, dst + x + width + channels, channels, 2 * rows)


cdef row_function column_sums(
    u8_in above, u8_in first, u8_in second, u8_in below, u16_out upper, u16_out lower, int64_t n
) noexcept nogil:
    cdef int64_t i
    cdef uint16_t shared
    for i in range(n):
        shared = <uint16_t>(first[i] + second[i])
        upper[i] = <uint16_t>(above[i] + shared)
        lower[i] = <uint16_t>(shared + below[i])


cdef row_function row_means(
    u16_in sums, u8_out dst, int64_t n, int64_t channels, uint16_t reciprocal
) noexcept nogil:
    cdef int64_t i
    cdef uint16_t total
    for i in range(n):
        total = <uint16_t>(sums[i] + sums[i + channels] + sums[i + 2 * channels])
        dst[i] = <uint8_t>((<uint32_t>total * reciprocal) >> 16)


cdef void add(const uint16_t* a, const uint16_t* b, uint16_t* total, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        total[i] = <uint16_t>(a[i] + b[i])


cdef void divide(const uint16_t* sums, uint8_t* dst, int64_t n, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        dst[i] = <uint8_t>(sums[i] // count)


# --- moving pixels ----------------------------------------------------------------------------------

cdef extern from "_shuffle.h":
    void mirror_rgb "imgsvc_mirror_rgb"(const uint8_t* src, uint8_t* dst, int64_t width) noexcept nogil
    void transpose_gray "imgsvc_transpose_gray"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride
    ) noexcept nogil
    void transpose_rgb "imgsvc_transpose_rgb"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride, int64_t spare
    ) noexcept nogil
    void transpose_rgba "imgsvc_transpose_rgba"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride
    ) noexcept nogil


cdef enum:
    # Pixels of a block. Its rows become runs of dst, which are written fastest when they are long; all of the
    # block stays in L2, and its columns are few so that the lines of src are still there for the next block.
    BLOCK_ROWS = 256
    BLOCK_COLUMNS = 32
    BLOCKS_IN_STRIP = 16  # side by side in one iteration: enough work for a thread, enough strips for many


def transpose(
    const uint8_t[:, :, :] src not None, uint8_t[:, :, :] dst not None, int num_threads, Stop stop not None
):
    """Write `dst[x, y] = src[y, x]`. With the rows of one side reversed this is a quarter turn."""
    cdef int64_t strip_columns = BLOCK_COLUMNS * BLOCKS_IN_STRIP
    cdef int64_t across = (src.shape[1] + strip_columns - 1) // strip_columns
    cdef int64_t down = (src.shape[0] + BLOCK_ROWS - 1) // BLOCK_ROWS
    cdef stop_state* state = &stop.state
    cdef int64_t strip
    if src.shape[0] * src.shape[1] * src.shape[2] <= CHUNK_BYTES and not should_stop(state):
        for strip in range(across * down):
            transpose_strip(
                src, dst, strip // across * BLOCK_ROWS, strip % across * strip_columns, strip_columns
            )
        return
    for strip in prange(across * down, num_threads=num_threads, schedule="static", nogil=True):
        if not should_stop(state):
            transpose_strip(
                src, dst, strip // across * BLOCK_ROWS, strip % across * strip_columns, strip_columns
            )


cdef void transpose_strip(
    const uint8_t[:, :, :] src, uint8_t[:, :, :] dst, int64_t y, int64_t left, int64_t strip_columns
) noexcept nogil:
    """Up to `BLOCK_ROWS` rows from `y` and `strip_columns` columns from `left`, block by block."""
    cdef int64_t width = src.shape[1]
    cdef int64_t channels = src.shape[2]
    cdef int64_t rows = min(src.shape[0] - y, BLOCK_ROWS)
    cdef int64_t right = min(width, left + strip_columns)
    cdef int64_t src_stride = src.strides[0]
    cdef int64_t dst_stride = dst.strides[0]
    cdef const uint8_t* block
    cdef uint8_t* turned
    cdef int64_t x = left
    cdef int64_t columns
    while x < right:
        columns = min(right - x, BLOCK_COLUMNS)
        block = &src[y, x, 0]
        turned = &dst[x, y, 0]
        if channels == 1:
            transpose_gray(block, turned, rows, columns, src_stride, dst_stride)
        elif channels == 3:
            transpose_rgb(block, turned, rows, columns, src_stride, dst_stride, 3 * (width - x - columns))
        else:
            transpose_rgba(block, turned, rows, columns, src_stride, dst_stride)
        x += columns


def mirror(
    const uint8_t[:, :, :] src not None, uint8_t[:, :, :] dst not None, int num_threads, Stop stop not None
):
    """Write `dst[y, width - 1 - x] = src[y, x]`. With the rows of one side reversed this is a half turn."""
    cdef Chunks chunks = chunks_of(src.shape[0], src.shape[1], src.shape[2], 1)
    cdef stop_state* state = &stop.state
    cdef int64_t chunk
    if chunks.count == 1 and not should_stop(state):
        mirror_chunk(src, dst, chunks, 0)
        return
    for chunk in prange(chunks.count, num_threads=num_threads, schedule="static", nogil=True):
        if not should_stop(state):
            mirror_chunk(src, dst, chunks, chunk)


cdef void mirror_chunk(
    const uint8_t[:, :, :] src, uint8_t[:, :, :] dst, Chunks chunks, int64_t chunk
) noexcept nogil:
    cdef int64_t width = src.shape[1]
    cdef int64_t channels = src.shape[2]
    cdef int64_t y = chunk // chunks.across * chunks.rows
    cdef int64_t end = min(y + chunks.rows, src.shape[0])
    cdef int64_t left = chunk % chunks.across * chunks.columns
    cdef int64_t columns = min(chunks.columns, width - left)
    cdef int64_t mirrored = width - left - columns
    while y < end:
        if channels == 1:
            mirror_gray(&src[y, left, 0], &dst[y, mirrored, 0], columns)
        elif channels == 3:
            mirror_rgb(&src[y, left, 0], &dst[y, mirrored, 0], columns)
        else:
            mirror_rgba(&src[y, left, 0], &dst[y, mirrored, 0], columns)
        y += 1


cdef row_function mirror_gray(u8_in src, u8_out dst, int64_t width) noexcept nogil:
    cdef int64_t x
    for x in range(width):
        dst[width - 1 - x] = src[x]


cdef row_function mirror_rgba(u8_in src, u8_out dst, int64_t width) noexcept nogil:
    cdef int64_t x
    for x in range(width):
        memcpy(dst + 4 * (width - 1 - x), src + 4 * x, 4)


def copy(
    const uint8_t[:, :, :] src not None, uint8_t[:, :, :] dst not None, int num_threads, Stop stop not None
):
    """Write `dst[y, x] = src[y, x]`."""
    cdef Chunks chunks = chunks_of(src.shape[0], src.shape[1], src.shape[2], 1)
    cdef stop_state* state = &stop.state
    cdef int64_t chunk
    if chunks.count == 1 and not should_stop(state):
        copy_chunk(src, dst, chunks, 0)
        return
    for chunk in prange(chunks.count, num_threads=num_threads, schedule="static", nogil=True):
        if not should_stop(state):
            copy_chunk(src, dst, chunks, chunk)


cdef void copy_chunk(
    const uint8_t[:, :, :] src, uint8_t[:, :, :] dst, Chunks chunks, int64_t chunk
) noexcept nogil:
    cdef int64_t y = chunk // chunks.across * chunks.rows
    cdef int64_t end = min(y + chunks.rows, src.shape[0])
    cdef int64_t left = chunk % chunks.across * chunks.columns
    cdef int64_t columns = min(chunks.columns, src.shape[1] - left)
    while y < end:
        memcpy(&dst[y, left, 0], &src[y, left, 0], columns * src.shape[2])
        y += 1
