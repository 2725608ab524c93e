"""Weighted sums over a neighbourhood, in float arithmetic."""

from libc.stdint cimport int64_t, uint8_t

from imgsvc._kernels.borders cimport Border, border_of, row_with_border
from imgsvc._kernels.chunks cimport LOOK_ROWS, Chunk, Chunks, compute, cut, share
from imgsvc._kernels.floats cimport to_bytes, to_floats
from imgsvc._kernels.image cimport Image, at, source, target
from imgsvc._stop cimport Stop, should_stop

cdef extern from "taps.h":
    void weigh "imgsvc_weigh"(
        const float* const* taps, const float* weights, int64_t count, float start, float* dst, int64_t n
    ) noexcept nogil

cdef enum:
    TILE = 768  # elements of a row at a time: the rows under a window of 7 x 7 stay in L1 as floats
    TILE_ROWS = 128
    CHUNK_PRODUCTS = 1 << 23  # of a weight and a pixel: about half a millisecond
    QUICK_PRODUCTS = 1 << 17
    ALIGNED = 16  # floats of a cache line


cdef struct Convolution:
    Image src
    Image dst
    Border border
    int64_t window_height
    int64_t window_width
    const int64_t* rows      # of each tap: from the window's top
    const int64_t* columns   # of each tap: from the window's left
    const float* weights
    int64_t count
    const float* across      # the weights of a second pass along the rows, one for each column of the window
    int64_t across_count     # 0: there is none
    float bias
    int64_t pitch            # floats from a scratch row to the next


def convolve(
    const uint8_t[:, :, :] src not None,
    uint8_t[:, :, :] dst not None,
    int64_t window_height,
    int64_t window_width,
    const int64_t[::1] rows not None,
    const int64_t[::1] columns not None,
    const float[::1] weights not None,
    const float[::1] across not None,
    float bias,
    int border,
    int num_threads,
    Stop stop not None,
):
    """Sum up the weighted pixels of a window around each pixel, which is its (height // 2, width // 2).

    The taps are at (`rows`, `columns`) of the window. With `across` they lie in its first column, and their
    sums are then weighted along the row.
    """
    cdef Convolution work
    cdef int64_t tile = max(TILE // src.shape[2], 1)
    cdef int64_t products = max(weights.shape[0] + across.shape[0], 1)
    cdef int64_t tile_rows = min(TILE_ROWS, CHUNK_PRODUCTS // (TILE * products))
    cdef Chunks chunks = cut(src.shape[0], src.shape[1], max(tile_rows, 2 * window_height), tile)
    cdef int64_t floats, pointers
    share(&chunks, num_threads, max(window_height, window_width) // 2)
    # A pixel beyond the border takes some 16 times as long as one that lies inside.
    chunks.quick = (src.shape[0] + window_height) * (
        src.shape[1] * src.shape[2] * (products + 4) + 16 * window_width + 256
    ) <= QUICK_PRODUCTS
    work.src = source(src)
    work.dst = target(dst)
    work.border = border_of(border)
    work.window_height = window_height
    work.window_width = window_width
    work.rows = &rows[0]
    work.columns = &columns[0]
    work.weights = &weights[0]
    work.count = weights.shape[0]
    work.across = &across[0] if across.shape[0] else NULL
    work.across_count = across.shape[0]
    work.bias = bias
    work.pitch = ((chunks.columns + window_width) * src.shape[2] + ALIGNED - 1) // ALIGNED * ALIGNED
    # The rows under the window, their sums, the sums across, and a row of bytes.
    floats = (window_height + 3) * work.pitch
    pointers = max(work.count, work.across_count) + window_height
    compute(
        convolve_chunk,
        &work,
        &chunks,
        floats * sizeof(float) + pointers * sizeof(void*),
        num_threads,
        stop,
    )


cdef void convolve_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Convolution* job = <const Convolution*>work
    cdef int64_t channels = job.src.channels
    cdef int64_t height = job.window_height
    cdef int64_t left = chunk.left - job.window_width // 2
    cdef int64_t right = chunk.right - job.window_width // 2 + job.window_width - 1
    cdef int64_t above = height // 2
    cdef float* ring = <float*>scratch
    cdef float* sums = ring + height * job.pitch
    cdef float* result = sums + job.pitch
    cdef uint8_t* pixels = <uint8_t*>(result + job.pitch)
    cdef const float** window = <const float**>(result + 2 * job.pitch)  # the rows under it, from the top
    cdef const float** taps = window + height
    cdef int64_t n = (chunk.right - chunk.left) * channels
    cdef int64_t wide = (right - left) * channels
    cdef int64_t top = chunk.top - above
    cdef int64_t ready = top  # rows above this one are in the ring, where row y is at (y - top) % height
    cdef int64_t y, t
    for y in range(chunk.top, chunk.bottom):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        while ready < y - above + height:
            to_floats(
                row_with_border(&job.src, ready, left, right, &job.border, pixels),
                ring + (ready - top) % height * job.pitch,
                wide,
            )
            ready += 1
        for t in range(height):
            window[t] = ring + (y - above + t - top) % height * job.pitch
        for t in range(job.count):
            taps[t] = window[job.rows[t]] + job.columns[t] * channels
        if job.across_count:
            weigh(taps, job.weights, job.count, 0.0, sums, wide)
            for t in range(job.across_count):
                taps[t] = sums + t * channels
            weigh(taps, job.across, job.across_count, job.bias, result, n)
        else:
            weigh(taps, job.weights, job.count, job.bias, result, n)
        to_bytes(result, at(&job.dst, y, chunk.left), n)
