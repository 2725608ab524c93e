"""The mean over the 3x3 neighbourhood, with fewer neighbours at the border."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from imgsvc.kernels.alpha cimport RGBA, is_opaque
from imgsvc.kernels.borders cimport MAX_CHANNELS
from imgsvc.kernels.chunks cimport Chunk, Chunks, chunks_of, compute, is_quick
from imgsvc.kernels.image cimport Image, Images, at
from imgsvc.kernels.rows cimport row_function, u8_in, u8_out, u16_in, u16_out
from imgsvc._stop cimport stop_state

cdef extern from "alpha_means.h":
    void weighted_columns "imgsvc_weighted_columns"(
        const uint8_t* above, const uint8_t* first, const uint8_t* second, const uint8_t* below, float* upper,
        float* lower, int64_t n
    ) noexcept nogil
    void weighted_floors "imgsvc_weighted_floors"(
        const float* sums, int32_t count, uint8_t* dst, int64_t n
    ) noexcept nogil

cdef enum:
    WEIGHTED_TILE = 256  # pixels of a row at a time, where colours are weighted by alpha
    WEIGHTED_COST = 4    # what that takes, at most, beside sums of bytes
    MEAN_TILE = 1024  # bytes of a row at a time: two rows of uint16 sums and six of pixels stay in L1

cdef extern from *:
    """
    /* What lies above the first row and below the last one: a tile, and a pixel on either side. */
    static const uint8_t imgsvc_no_row[1024 + 2 * 4];
    """
    const uint8_t* NO_ROW "imgsvc_no_row"


cdef inline int mean_3x3(
    const Image* src, const Image* dst, bint weighted, int num_threads, stop_state* stop
) except -1:
    """Write to `dst` the mean of each pixel of `src` and its neighbours, rounded down.

    With `weighted`, pixels are RGBA, and colours weighted by their alpha.

    Rows go in pairs, since the two share the sum of the two rows between them.
    """
    cdef Images images = Images(src[0], dst[0])
    cdef Chunks chunks = chunks_of(src.height, src.width, src.channels, 2)
    if not weighted:
        return compute(mean_chunk, &images, &chunks, 0, num_threads, stop)
    chunks.quick = is_quick(src.height, WEIGHTED_COST * src.width * RGBA)
    return compute(weighted_mean_chunk, &images, &chunks, 0, num_threads, stop)


cdef inline void mean_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Images* images = <const Images*>work
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom, 2):
        mean_row_pair(&images.src, &images.dst, y, chunk.left, chunk.right)


cdef inline void mean_row_pair(
    const Image* src, const Image* dst, int64_t y, int64_t left, int64_t right
) noexcept nogil:
    """Rows `y` and, if there is one, `y + 1`, from column `left` to `right`."""
    cdef uint16_t[MEAN_TILE + 2 * MAX_CHANNELS] upper
    cdef uint16_t[MEAN_TILE + 2 * MAX_CHANNELS] lower
    cdef int64_t height = src.height
    cdef int64_t channels = src.channels
    cdef int64_t inside = (src.width - 2) * channels  # bytes of a row but for its first and last pixel
    cdef bint at_edge = right == src.width
    cdef int64_t end = inside if at_edge else (right - 1) * channels
    cdef bint pair = y + 1 < height
    cdef int64_t upper_rows = 1 + (y > 0) + pair
    cdef int64_t lower_rows = 2 + (y + 2 < height)
    cdef const uint8_t* above = at(src, y - 1, 0) if y > 0 else NULL
    cdef const uint8_t* first = at(src, y, 0)
    cdef const uint8_t* second = at(src, y + 1, 0) if pair else NULL
    cdef const uint8_t* below = at(src, y + 2, 0) if y + 2 < height else NULL
    cdef uint8_t* dst_upper = at(dst, y, 0)
    cdef uint8_t* dst_lower = at(dst, y + 1, 0) if pair else NULL
    cdef int64_t x = max(left - 1, 0) * channels
    cdef int64_t tile
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
        tile = min(end - x, MEAN_TILE)
        column_sums(
            above + x if above else NO_ROW, first + x,
            second + x if second else NO_ROW, below + x if below else NO_ROW,
            upper, lower, tile + 2 * channels,
        )
        last = at_edge and x + tile == end
        mean_row_tile(upper, dst_upper, x, tile, last, channels, upper_rows)
        if pair:
            mean_row_tile(lower, dst_lower, x, tile, last, channels, lower_rows)
        x += tile
        if x >= end:
            return


cdef inline void mean_row_tile(
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


cdef inline row_function column_sums(
    u8_in above, u8_in first, u8_in second, u8_in below, u16_out upper, u16_out lower, int64_t n
) noexcept nogil:
    cdef int64_t i
    cdef uint16_t shared
    for i in range(n):
        shared = <uint16_t>(first[i] + second[i])
        upper[i] = <uint16_t>(above[i] + shared)
        lower[i] = <uint16_t>(shared + below[i])


cdef inline row_function row_means(
    u16_in sums, u8_out dst, int64_t n, int64_t channels, uint16_t reciprocal
) noexcept nogil:
    cdef int64_t i
    cdef uint16_t total
    for i in range(n):
        total = <uint16_t>(sums[i] + sums[i + channels] + sums[i + 2 * channels])
        dst[i] = <uint8_t>((<uint32_t>total * reciprocal) >> 16)


cdef inline void add(const uint16_t* a, const uint16_t* b, uint16_t* total, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        total[i] = <uint16_t>(a[i] + b[i])


cdef inline void divide(const uint16_t* sums, uint8_t* dst, int64_t n, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        dst[i] = <uint8_t>(sums[i] // count)


cdef inline void weighted_mean_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Images* images = <const Images*>work
    cdef int64_t y, left, right
    for y in range(chunk.top, chunk.bottom, 2):
        left = chunk.left
        while left < chunk.right:
            right = min(left + WEIGHTED_TILE, chunk.right)
            weighted_mean_row_pair(&images.src, &images.dst, y, left, right)
            left = right


cdef inline void weighted_mean_row_pair(
    const Image* src, const Image* dst, int64_t y, int64_t left, int64_t right
) noexcept nogil:
    """Rows `y` and, if there is one, `y + 1`, with colours weighted by alpha."""
    cdef float[(WEIGHTED_TILE + 2) * RGBA] upper
    cdef float[(WEIGHTED_TILE + 2) * RGBA] lower
    cdef (const uint8_t*)[4] rows  # those from `y - 1` to `y + 2`
    cdef int64_t begin = max(left - 1, 0)
    cdef int64_t width = min(right + 1, src.width) - begin
    cdef int64_t i
    cdef bint translucent = False
    for i in range(4):
        rows[i] = NO_ROW
        if 0 <= y - 1 + i < src.height:
            rows[i] = at(src, y - 1 + i, begin)
            translucent = translucent or not is_opaque(rows[i], width)
    if not translucent:
        mean_row_pair(src, dst, y, left, right)
        return
    weighted_columns(
        rows[0], rows[1], rows[2], rows[3],
        upper + (begin - left + 1) * RGBA, lower + (begin - left + 1) * RGBA, width,
    )
    weighted_mean_row(upper, src, dst, y, left, right)
    if y + 1 < src.height:
        weighted_mean_row(lower, src, dst, y + 1, left, right)


cdef inline void weighted_mean_row(
    float* sums, const Image* src, const Image* dst, int64_t y, int64_t left, int64_t right
) noexcept nogil:
    """Columns `left` to `right` of a row; `sums` begin with the one before them, also where there is none."""
    cdef int32_t rows = <int32_t>(min(y + 2, src.height) - max(y - 1, 0))
    cdef int64_t n = right - left
    cdef int32_t columns
    if left == 0:
        memset(sums, 0, RGBA * sizeof(float))
    if right == src.width:
        memset(sums + (n + 1) * RGBA, 0, RGBA * sizeof(float))
    weighted_floors(sums, 3 * rows, at(dst, y, left), n)
    if left == 0:
        columns = <int32_t>min(src.width, 2)
        weighted_floors(sums, columns * rows, at(dst, y, 0), 1)
    if right == src.width:
        columns = <int32_t>min(src.width, 2)
        weighted_floors(sums + (n - 1) * RGBA, columns * rows, at(dst, y, right - 1), 1)
