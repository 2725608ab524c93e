"""Blurring with symmetric weights, along the rows and then along the columns, and what is made of it."""

from libc.math cimport fabsf
from libc.stdint cimport int16_t, int64_t, uint8_t

from imgsvc.kernels.alpha cimport OPAQUE, RGBA, is_opaque, make_opaque
from imgsvc.kernels.borders cimport Border, row_with_border
from imgsvc.kernels.chunks cimport LOOK_ROWS, Chunk, Chunks, compute, cut, share
from imgsvc.kernels.floats cimport to_bytes
from imgsvc.kernels.image cimport AHEAD, Image, at, prefetch
from imgsvc.kernels.rows cimport f32_out, i16_in, i16_out, row_function, u8_in, u8_out
from imgsvc._stop cimport should_stop, stop_state

cdef extern from "folds.h":
    int64_t FOLD_LANES "IMGSVC_FOLD_LANES"
    int64_t SHORT_BITS "IMGSVC_SHORT_BITS"
    void fold_short "imgsvc_fold_short"(
        const int16_t* const* lefts, const int16_t* const* rights, const int16_t* weights, int64_t count,
        int16_t* dst, int64_t n
    ) noexcept nogil
    int64_t fold_short_to_bytes "imgsvc_fold_short_to_bytes"(
        const int16_t* const* lefts, const int16_t* const* rights, const int16_t* weights, int64_t count,
        uint8_t* dst, int64_t n
    ) noexcept nogil
    void fold_long "imgsvc_fold_long"(
        const int16_t* const* lefts, const int16_t* const* rights, const int16_t* weights, int64_t count,
        int16_t* dst, int64_t n
    ) noexcept nogil

cdef extern from "alpha_fractions.h":
    void premultiply_fractions "imgsvc_premultiply_fractions"(
        const uint8_t* src, int16_t* dst, int64_t n
    ) noexcept nogil
    void unpremultiply_fractions "imgsvc_unpremultiply_fractions"(
        const int16_t* src, float* dst, int64_t n, float white
    ) noexcept nogil

    ctypedef struct Sharpening "imgsvc_sharpening":
        float amount
        float threshold
        float white     # what 255 everywhere is blurred to, in 64ths: not always 255
        float of_alpha

    void sharpen_weighted "imgsvc_sharpen_weighted"(
        const uint8_t* src, const int16_t* blurred, float* dst, int64_t n, Sharpening sharpening
    ) noexcept nogil

cdef enum:
    TILE = 768            # elements of a row at a time
    LONG_TILE = 512       # the same where the window is high
    FEWEST_ROWS = 256     # of a chunk; its first one costs as much as twice the radius
    MOST_ROWS = 2048
    BATCH = 8             # rows that are finished together, strip by strip: what they read stays in L1
    STRIP_BYTES = 24576   # of the rows under the window
    STRIP = 128           # elements that strips are a multiple of
    QUICK_TAPS = 1 << 18
    FRACTION_BITS = 6     # of all int16 here: twice 255 still fits
    LINE = 32             # int16 of a cache line


cdef struct Blur:
    # Parameters.
    Border border
    const int16_t* weights  # of the middle, halved, and of the others from there on
    int64_t count           # of them; even for long sums: the last may be 0
    int64_t radius
    bint long_sums          # weights are over 2**17 instead of 2**15, and products are not rounded
    bint sharpens           # writes what differs from the blurred pixel by more than the threshold,
    Sharpening sharpening   # as many times as the amount is, on top of the pixel
    bint weighted           # colours by their alpha
    # What follows from them and the images.
    Image src
    Image dst
    int64_t pitch           # elements from a scratch row to the next


cdef inline int blur(
    Blur work, const Image* src, const Image* dst, int num_threads, stop_state* stop
) except -1:
    """Write the weighted mean over a square of `work.radius` around each pixel, or what sharpens by it.

    With `work.weighted`, pixels are RGBA.
    """
    cdef int64_t channels = src.channels
    cdef int64_t rows = min(max(FEWEST_ROWS, 32 * work.radius), MOST_ROWS)
    cdef int64_t tile = LONG_TILE if work.long_sums else TILE
    cdef Chunks chunks = cut(src.height, src.width, rows, tile // channels)
    cdef int64_t lines
    share(&chunks, num_threads, work.radius)
    # A pixel beyond the border takes some 16 times as long as one that lies inside.
    chunks.quick = (src.height + 2 * work.radius) * (
        src.width * channels * (work.count + 4) + 32 * work.radius + 256
    ) <= QUICK_TAPS >> work.weighted
    # An odd number of cache lines, so that rows do not compete for the same places of L1.
    lines = ((chunks.columns + 2 * work.radius) * channels + FOLD_LANES) // LINE + 1
    work.sharpening.white = white_of(&work)
    work.sharpening.of_alpha = <float>(OPAQUE << FRACTION_BITS) / work.sharpening.white
    work.src = src[0]
    work.dst = dst[0]
    work.pitch = (lines | 1) * LINE
    # The rows under a batch's window; one as it comes, two for what it is made of; pointers to all sides.
    return compute(
        blur_chunk,
        &work,
        &chunks,
        (2 * work.radius + BATCH + 3) * work.pitch * sizeof(int16_t) + 4 * work.count * sizeof(void*),
        num_threads,
        stop,
    )


cdef inline float white_of(const Blur* work) noexcept nogil:
    """What is made of 255 everywhere, in both passes."""
    cdef int64_t half = 1 << (SHORT_BITS - 1)
    cdef int64_t white = OPAQUE << FRACTION_BITS
    cdef int64_t blurred, k
    if work.long_sums:  # the weights are 1 together, and only their sum is rounded
        return <float>white
    for _ in range(2):
        blurred = 0
        for k in range(work.count):
            blurred += (2 * white * work.weights[k] + half) >> SHORT_BITS
        white = blurred
    return <float>white


cdef inline void blur_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    """Blur along the rows into a ring, where row y is at (y - top) % `held`, and then along the columns."""
    cdef const Blur* job = <const Blur*>work
    cdef int64_t channels = job.src.channels
    cdef int64_t radius = job.radius
    cdef int64_t held = 2 * radius + BATCH
    cdef int64_t n = (chunk.right - chunk.left) * channels
    cdef int64_t fit = max(STRIP_BYTES // (held * <int64_t>sizeof(int16_t)) // STRIP, 1) * STRIP
    cdef int16_t* ring = <int16_t*>scratch
    cdef int16_t* row = ring + held * job.pitch
    cdef char* spare = <char*>(row + job.pitch)
    cdef const int16_t** lefts = <const int16_t**>(row + 3 * job.pitch)
    cdef const int16_t** rights = lefts + job.count
    cdef const int16_t** above = rights + job.count
    cdef const int16_t** below = above + job.count
    cdef int64_t top = chunk.top - radius
    cdef int64_t ready = top  # rows above this one are in the ring
    cdef int64_t y = chunk.top
    cdef int64_t translucent = top - 1  # the last of these that is not opaque
    cdef const uint8_t* pixels
    cdef int64_t end, strip, width, line, k, reach
    for k in range(job.count):
        reach = min(k, radius)
        lefts[k] = row + (radius - reach) * channels
        rights[k] = row + (radius + reach) * channels
    while y < chunk.bottom:
        end = min(y + BATCH, chunk.bottom)
        if should_stop(chunk.stop):
            return
        while ready < end + radius:
            if (ready - top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
                return
            prefetch(&job.src, ready + AHEAD, chunk.left - radius, chunk.right + radius)
            pixels = row_with_border(
                &job.src, ready, chunk.left - radius, chunk.right + radius, &job.border, <uint8_t*>spare
            )
            if job.weighted and not is_opaque(pixels, n // RGBA + 2 * radius):
                premultiply_fractions(pixels, row, n // RGBA + 2 * radius)
                translucent = ready
            else:
                to_fractions(pixels, row, n + 2 * radius * channels)
            fold(job, lefts, rights, ring + (ready - top) % held * job.pitch, n)
            ready += 1
        strip = 0
        while strip < n:
            width = min(fit, n - strip)
            for line in range(y, end):
                look_along(job, ring + strip, (line - top) % held, held, above, below)
                finish(
                    job,
                    translucent >= line - radius,
                    above,
                    below,
                    at(&job.src, line, chunk.left) + strip,
                    row,
                    <float*>spare,
                    at(&job.dst, line, chunk.left) + strip,
                    width,
                )
            strip += fit
        y = end


cdef inline void fold(
    const Blur* job, const int16_t** lefts, const int16_t** rights, int16_t* dst, int64_t n
) noexcept nogil:
    cdef int64_t padded = (n + FOLD_LANES - 1) // FOLD_LANES * FOLD_LANES
    if job.long_sums:
        fold_long(lefts, rights, job.weights, job.count, dst, padded)
    else:
        fold_short(lefts, rights, job.weights, job.count, dst, padded)


cdef inline void look_along(
    const Blur* job,
    const int16_t* ring,
    int64_t place,
    int64_t held,
    const int16_t** above,
    const int16_t** below,
) noexcept nogil:
    """The rows above and below the one that is at `place` in the ring."""
    cdef int64_t k, up, down
    for k in range(job.count):
        up = place - min(k, job.radius)
        down = place + min(k, job.radius)
        above[k] = ring + (up if up >= 0 else up + held) * job.pitch
        below[k] = ring + (down if down < held else down - held) * job.pitch


cdef inline void finish(
    const Blur* job,
    bint translucent,
    const int16_t** above,
    const int16_t** below,
    const uint8_t* src,
    int16_t* blurred,
    float* spare,
    uint8_t* dst,
    int64_t n,
) noexcept nogil:
    """Blur along the columns, and write what is to be made of it."""
    cdef int64_t done = 0
    cdef int64_t k
    if translucent:  # where a window is opaque, to divide by alpha changes nothing
        fold(job, above, below, blurred, n)
        if job.sharpens:
            sharpen_weighted(src, blurred, spare, n // RGBA, job.sharpening)
        else:
            unpremultiply_fractions(blurred, spare, n // RGBA, job.sharpening.white)
        to_bytes(spare, dst, n)
        return
    if not job.long_sums and not job.sharpens:
        done = fold_short_to_bytes(above, below, job.weights, job.count, dst, n)
        if done == n:
            return
        for k in range(job.count):
            above[k] += done
            below[k] += done
    fold(job, above, below, blurred, n - done)
    if job.sharpens:
        exaggerate(src, blurred, spare, job.sharpening.amount, job.sharpening.threshold, n)
        to_bytes(spare, dst, n)
        if job.weighted:
            make_opaque(dst, n // RGBA)
    else:
        to_integers(blurred, dst + done, n - done)


cdef inline row_function to_fractions(u8_in src, i16_out dst, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        dst[i] = <int16_t>(src[i] << FRACTION_BITS)


cdef inline row_function to_integers(i16_in src, u8_out dst, int64_t n) noexcept nogil:
    """To nearest, ties to even."""
    cdef int16_t odd
    cdef int64_t i
    for i in range(n):
        odd = (src[i] >> FRACTION_BITS) & 1
        dst[i] = <uint8_t>(<int16_t>(src[i] + (1 << (FRACTION_BITS - 1)) - 1 + odd) >> FRACTION_BITS)


cdef inline row_function exaggerate(
    u8_in src, i16_in blurred, f32_out dst, float amount, float threshold, int64_t n
) noexcept nogil:
    cdef float pixel, difference
    cdef int64_t i
    for i in range(n):
        pixel = src[i]
        difference = pixel - <float>blurred[i] * <float>(1.0 / (1 << FRACTION_BITS))
        dst[i] = pixel + (amount * difference if fabsf(difference) > threshold else <float>0.0)
