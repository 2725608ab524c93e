"""What makes each pixel of the result of all channels of that pixel of the image."""

from libc.stdint cimport int64_t, uint8_t

from imgsvc.kernels.chunks cimport Chunk, Chunks, chunks_of, compute
from imgsvc.kernels.image cimport Image, Images, at, in_one_row
from imgsvc._stop cimport stop_state

cdef extern from "color_matrix.h":
    void mix_colours "imgsvc_mix_colours"(
        const uint8_t* src, uint8_t* dst, int64_t width, const float* matrix, int64_t channels
    ) noexcept nogil

cdef extern from "flatten.h":
    void flatten_row "imgsvc_flatten"(
        const uint8_t* src, uint8_t* dst, int64_t width, const uint8_t* background
    ) noexcept nogil

cdef enum:
    MATRIX = 12  # values of a matrix: three weights and what is added, for each of three colours
    RGB = 3


cdef struct Mix:
    Images images
    float[MATRIX] matrix


cdef struct Flattening:
    Images images
    uint8_t[RGB] background


cdef inline int color_matrix(
    const Image* src, const Image* dst, const float* matrix, int num_threads, stop_state* stop
) except -1:
    """Write `dst[i] = m[i][3] + m[i][0] R + m[i][1] G + m[i][2] B`, rounded to nearest and clamped.

    Alpha stays as it is; a pixel of one channel is one of three that are equal.
    """
    cdef Mix work
    cdef Chunks chunks
    cdef int64_t i
    work.images = in_one_row(src[0], dst[0])
    for i in range(MATRIX):
        work.matrix[i] = matrix[i]
    # Chunks of half the bytes: without AVX2 a microsecond is 1.5 KiB.
    chunks = chunks_of(work.images.dst.height, work.images.dst.width, 2 * dst.channels, 1)
    return compute(mix_chunk, &work, &chunks, 0, num_threads, stop)


cdef inline void mix_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Mix* mix = <const Mix*>work
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        mix_colours(
            at(&mix.images.src, y, chunk.left), at(&mix.images.dst, y, chunk.left),
            chunk.right - chunk.left, &mix.matrix[0], mix.images.src.channels,
        )


cdef inline int flatten(
    const Image* src, const Image* dst, const uint8_t* background, int num_threads, stop_state* stop
) except -1:
    """Write `dst = (src alpha + background (255 - alpha)) / 255` for colours, rounded to nearest."""
    cdef Flattening work
    cdef Chunks chunks
    cdef int64_t i
    work.images = in_one_row(src[0], dst[0])
    for i in range(RGB):
        work.background[i] = background[i]
    chunks = chunks_of(work.images.src.height, work.images.src.width, src.channels, 1)
    return compute(flatten_chunk, &work, &chunks, 0, num_threads, stop)


cdef inline void flatten_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Flattening* flattening = <const Flattening*>work
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        flatten_row(
            at(&flattening.images.src, y, chunk.left), at(&flattening.images.dst, y, chunk.left),
            chunk.right - chunk.left, &flattening.background[0],
        )
