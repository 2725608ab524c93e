"""Weighted sums over a neighbourhood, in float arithmetic."""

from libc.stdint cimport int64_t, uint8_t

from imgsvc.kernels.alpha cimport OPAQUE, RGBA, is_opaque, premultiply_floats, unpremultiply_floats
from imgsvc.kernels.borders cimport Border, row_with_border
from imgsvc.kernels.chunks cimport LOOK_ROWS, Chunk, Chunks, compute, cut, share
from imgsvc.kernels.floats cimport to_bytes, to_floats
from imgsvc.kernels.image cimport AHEAD, Image, at, prefetch
from imgsvc._stop cimport should_stop, stop_state

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
    # Parameters.
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
    bint weighted            # colours by their alpha; there is then no bias
    # What follows from them and the images.
    Image src
    Image dst
    int64_t pitch            # floats from a scratch row to the next
    float white              # what the sums make of 255 everywhere


cdef inline int convolve(
    Convolution work, const Image* src, const Image* dst, int num_threads, stop_state* stop
) except -1:
    """Sum up the weighted pixels of a window around each pixel, which is its (height // 2, width // 2).

    The taps are at (`rows`, `columns`) of the window. With `across` they lie in its first column, and their
    sums are then weighted along the row. With `weighted`, pixels are RGBA.
    """
    cdef int64_t tile = max(TILE // src.channels, 1)
    cdef int64_t products = max(work.count + work.across_count, 1)
    cdef int64_t tile_rows = min(TILE_ROWS, CHUNK_PRODUCTS // (TILE * products))
    cdef Chunks chunks = cut(src.height, src.width, max(tile_rows, 2 * work.window_height), tile)
    cdef int64_t floats, pointers
    share(&chunks, num_threads, max(work.window_height, work.window_width) // 2)
    # A pixel beyond the border takes some 16 times as long as one that lies inside.
    chunks.quick = (src.height + work.window_height) * (
        src.width * src.channels * (products + 4) + 16 * work.window_width + 256
    ) <= QUICK_PRODUCTS >> work.weighted
    work.src = src[0]
    work.dst = dst[0]
    work.white = white_of(&work)
    work.pitch = ((chunks.columns + work.window_width) * src.channels + ALIGNED - 1) // ALIGNED * ALIGNED
    # The rows under the window, their sums, the sums across, and a row of bytes.
    floats = (work.window_height + 3) * work.pitch
    pointers = max(work.count, work.across_count) + work.window_height
    return compute(
        convolve_chunk,
        &work,
        &chunks,
        floats * sizeof(float) + pointers * sizeof(void*),
        num_threads,
        stop,
    )


cdef inline float white_of(const Convolution* work) noexcept nogil:
    """What `weigh` gives for white, in the same order; without the bias."""
    cdef float down = 0
    cdef float along = 0
    cdef int64_t t
    for t in range(work.count):
        down = down + work.weights[t] * <float>OPAQUE
    if work.across_count == 0:
        return down
    for t in range(work.across_count):
        along = along + work.across[t] * down
    return along


cdef inline void convolve_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
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
    cdef int64_t translucent = top - height  # the last of these that is not opaque
    cdef const uint8_t* row
    cdef int64_t y, t
    for y in range(chunk.top, chunk.bottom):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        while ready < y - above + height:
            prefetch(&job.src, ready + AHEAD, left, right)
            row = row_with_border(&job.src, ready, left, right, &job.border, pixels)
            if job.weighted and not is_opaque(row, right - left):
                premultiply_floats(row, ring + (ready - top) % height * job.pitch, right - left)
                translucent = ready
            else:
                to_floats(row, ring + (ready - top) % height * job.pitch, wide)
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
        if translucent >= y - above:  # in a window that is opaque this changes nothing
            unpremultiply_floats(result, n // RGBA, job.white)
        to_bytes(result, at(&job.dst, y, chunk.left), n)
