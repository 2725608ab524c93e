"""The mean over a square window, by sums that run down the columns."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from imgsvc.kernels.borders cimport Border, row_with_border
from imgsvc.kernels.chunks cimport LOOK_ROWS, Chunk, Chunks, compute, cut, share
from imgsvc.kernels.image cimport Image, at
from imgsvc.kernels.rows cimport row_function, u8_out, u32_in, u32_out
from imgsvc._stop cimport should_stop, stop_state

cdef extern from "sums.h":
    void sum_of "imgsvc_sum"(
        const uint16_t* src, int64_t step, int64_t count, uint16_t* dst, int64_t n
    ) noexcept nogil
    void mean_of "imgsvc_mean"(
        const uint16_t* src, int64_t step, int64_t count, uint16_t half, uint16_t multiplier, int shift,
        uint8_t* dst, int64_t n
    ) noexcept nogil

# What the sums are kept in: the narrower, the faster.
ctypedef fused total:
    uint16_t
    uint32_t

cdef enum:
    TILE = 2048         # elements of a row at a time
    FEWEST_ROWS = 256   # of a chunk; its first one costs as much as the window is high
    MOST_ROWS = 4096
    QUICK_ELEMENTS = 1 << 15
    WIDEST_IN_FLOAT = 121
    LANES = 64          # elements that scratch rows are a multiple of
    SCRATCH_ROWS = 4    # sums of columns, sums along them, and bytes of two rows


cdef struct Box:
    # Parameters.
    Border border
    int64_t radius
    uint32_t multiplier  # a sum times it and divided by 2**shift is the sum divided by the window's pixels
    int shift
    bint narrow          # sums fit uint16
    # What follows from them and the images.
    Image src
    Image dst
    uint32_t half        # what rounds: half the window's pixels
    float inverse        # of the window's pixels, where that is exact enough to divide by; otherwise 0
    int64_t pitch        # elements from a scratch row to the next


cdef inline int box_blur(
    Box work, const Image* src, const Image* dst, int num_threads, stop_state* stop
) except -1:
    """Write the mean over the square of `work.radius` around each pixel, rounded to nearest."""
    cdef int64_t window = 2 * work.radius + 1
    cdef int64_t rows = min(max(FEWEST_ROWS, 8 * window), MOST_ROWS)
    cdef Chunks chunks = cut(src.height, src.width, rows, max(TILE // src.channels, 2 * window))
    share(&chunks, num_threads, work.radius)
    # A pixel beyond the border takes some 16 times as long as one that lies inside.
    chunks.quick = (src.height + window) * (src.width * src.channels + 16 * window + 64) <= QUICK_ELEMENTS
    work.src = src[0]
    work.dst = dst[0]
    work.half = <uint32_t>(window * window // 2)
    work.inverse = <float>1.0 / <float>(window * window) if window <= WIDEST_IN_FLOAT else <float>0.0
    work.pitch = ((chunks.columns + 2 * work.radius) * src.channels // LANES + 1) * LANES
    return compute(
        box_chunk,
        &work,
        &chunks,
        SCRATCH_ROWS * work.pitch * <int64_t>(sizeof(uint16_t) if work.narrow else sizeof(uint32_t)),
        num_threads,
        stop,
    )


cdef inline void box_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Box* job = <const Box*>work
    if job.narrow:
        box_rows(job, chunk, <uint16_t*>scratch)
    else:
        box_rows(job, chunk, <uint32_t*>scratch)


cdef inline void box_rows(const Box* job, Chunk chunk, total* columns) noexcept nogil:
    cdef int64_t left = chunk.left - job.radius
    cdef int64_t right = chunk.right + job.radius
    cdef int64_t n = (chunk.right - chunk.left) * job.src.channels
    cdef int64_t wide = (right - left) * job.src.channels
    cdef total* sums = columns + job.pitch
    cdef uint8_t* spare = <uint8_t*>(sums + job.pitch)
    cdef uint8_t* spare_too = <uint8_t*>(sums + 2 * job.pitch)
    cdef const uint8_t* entering
    cdef const uint8_t* leaving
    cdef int64_t y
    memset(columns, 0, wide * sizeof(total))
    for y in range(chunk.top - job.radius, chunk.top + job.radius + 1):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        enter(columns, row_with_border(&job.src, y, left, right, &job.border, spare), wide)
    for y in range(chunk.top, chunk.bottom):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        means(job, columns, sums, at(&job.dst, y, chunk.left), n)
        if y + 1 < chunk.bottom:
            entering = row_with_border(&job.src, y + job.radius + 1, left, right, &job.border, spare)
            leaving = row_with_border(&job.src, y - job.radius, left, right, &job.border, spare_too)
            enter_and_leave(columns, entering, leaving, wide)


cdef inline void means(
    const Box* job, const total* columns, total* sums, uint8_t* dst, int64_t n
) noexcept nogil:
    """The means along a row whose columns have been added up."""
    cdef int64_t channels = job.src.channels
    cdef int64_t window = 2 * job.radius + 1
    if total is uint32_t:
        differences(columns, sums + channels, window * channels, n - channels)
        run(columns, sums, channels, window, n)
        if job.inverse > 0:
            divide_in_float(sums, dst, job.half, job.inverse, n)
        else:
            divide(sums, dst, job.half, job.multiplier, job.shift, n)
    elif window % 3 == 0 and window > 3:  # sums of three, and then of these
        sum_of(columns, channels, 3, sums, n + (window - 3) * channels)
        narrow_means(job, sums, 3 * channels, window // 3, dst, n)
    else:
        narrow_means(job, columns, channels, window, dst, n)


cdef inline void narrow_means(
    const Box* job, const uint16_t* sums, int64_t step, int64_t count, uint8_t* dst, int64_t n
) noexcept nogil:
    """The means of `count` sums, which are `step` apart."""
    mean_of(
        sums, step, count, <uint16_t>job.half, <uint16_t>job.multiplier, job.shift - 16, dst, n
    )


cdef inline row_function enter(total* columns, const uint8_t* row, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        columns[i] = <total>(columns[i] + row[i])


cdef inline row_function enter_and_leave(
    total* columns, const uint8_t* entering, const uint8_t* leaving, int64_t n
) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        columns[i] = <total>(columns[i] + entering[i] - leaving[i])


cdef inline row_function differences(u32_in columns, u32_out dst, int64_t distance, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        dst[i] = columns[i + distance] - columns[i]


cdef inline row_function run(
    u32_in columns, uint32_t* sums, int64_t channels, int64_t window, int64_t n
) noexcept nogil:
    """Sums of `window` pixels, each from the one before and the difference, which `sums` holds already."""
    cdef uint32_t sum
    cdef int64_t i, channel
    for channel in range(channels):
        sum = 0
        for i in range(window):
            sum += columns[channel + i * channels]
        sums[channel] = sum
        i = channel + channels
        while i < n:
            sum += sums[i]
            sums[i] = sum
            i += channels


cdef inline row_function divide(
    u32_in sums, u8_out dst, uint32_t half, uint32_t multiplier, int shift, int64_t n
) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        dst[i] = <uint8_t>((<uint64_t>(sums[i] + half) * multiplier) >> shift)


cdef inline row_function divide_in_float(
    u32_in sums, u8_out dst, uint32_t half, float inverse, int64_t n
) noexcept nogil:
    """The same, three times as fast.

    With d pixels the quotient plus 1 / 2d is at least 1 / 2d from an integer. A float holds the dividend, as
    it is below 2**22, and the product is off by 255.5 * 2**-23 at most, which is less while d < 16400.
    """
    cdef int64_t i
    for i in range(n):
        dst[i] = <uint8_t><int32_t>((<float><int32_t>(sums[i] + half) + <float>0.5) * inverse)
