"""Other depths: bytes, words of 16 bits and floats from 0 to 1, each made of each."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from imgsvc.kernels.chunks cimport Chunk, Chunks, chunks_of, compute
from imgsvc.kernels.image cimport Image, Images, at, in_one_row
from imgsvc.kernels.rows cimport row_function, u8_in, u8_out
from imgsvc._stop cimport stop_state

cdef enum Depth:
    # By the bytes of a value.
    BYTES = 1
    WORDS = 2
    FLOATS = 4


cdef struct Conversion:
    Images images
    int64_t src_bytes
    int64_t dst_bytes


cdef inline int convert(
    const Image* src,
    const Image* dst,
    int64_t src_bytes,
    int64_t dst_bytes,
    int num_threads,
    stop_state* stop,
) except -1:
    """Write the values of `src` to `dst` in another depth."""
    cdef Conversion work = Conversion(in_one_row(src[0], dst[0]), src_bytes, dst_bytes)
    cdef Chunks chunks = chunks_of(
        work.images.src.height, work.images.src.width, max(src.channels, dst.channels), 1
    )
    return compute(convert_chunk, &work, &chunks, 0, num_threads, stop)


cdef inline void convert_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Conversion* conversion = <const Conversion*>work
    cdef int64_t from_bytes = conversion.src_bytes
    cdef int64_t to_bytes = conversion.dst_bytes
    cdef int64_t n = (chunk.right - chunk.left) * (conversion.images.src.channels // from_bytes)
    cdef const uint8_t* src
    cdef uint8_t* dst
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        src = at(&conversion.images.src, y, chunk.left)
        dst = at(&conversion.images.dst, y, chunk.left)
        if from_bytes == BYTES:
            if to_bytes == WORDS:
                bytes_to_words(src, dst, n)
            else:
                bytes_to_floats(src, dst, n)
        elif from_bytes == WORDS:
            if to_bytes == BYTES:
                words_to_bytes(src, dst, n)
            else:
                words_to_floats(src, dst, n)
        elif to_bytes == BYTES:
            floats_to_bytes(src, dst, n)
        else:
            floats_to_words(src, dst, n)


# Values are copied from and to where they are: an array of words or floats may begin at any address.

cdef inline row_function bytes_to_words(u8_in src, u8_out dst, int64_t n) noexcept nogil:
    cdef uint16_t value
    cdef int64_t i
    for i in range(n):
        value = <uint16_t>(257 * src[i])
        memcpy(dst + 2 * i, &value, 2)


cdef inline row_function words_to_bytes(u8_in src, u8_out dst, int64_t n) noexcept nogil:
    """`(value + 128) / 257`, rounded down: in 16 bits, without a division."""
    cdef uint16_t value = 0
    cdef uint16_t upper
    cdef int64_t i
    for i in range(n):
        memcpy(&value, src + 2 * i, 2)
        upper = <uint16_t>((<uint16_t>(value >> 1) + 64) >> 7)  # (value + 128) >> 8, which would not fit
        dst[i] = <uint8_t>(<uint16_t>(value - upper + 128) >> 8)


cdef inline row_function bytes_to_floats(u8_in src, u8_out dst, int64_t n) noexcept nogil:
    cdef float quotient
    cdef int64_t i
    for i in range(n):
        quotient = <float>src[i] / <float>255.0
        memcpy(dst + 4 * i, &quotient, 4)


cdef inline row_function words_to_floats(u8_in src, u8_out dst, int64_t n) noexcept nogil:
    cdef uint16_t value = 0
    cdef float quotient
    cdef int64_t i
    for i in range(n):
        memcpy(&value, src + 2 * i, 2)
        quotient = <float>value / <float>65535.0
        memcpy(dst + 4 * i, &quotient, 4)


cdef inline row_function floats_to_bytes(u8_in src, u8_out dst, int64_t n) noexcept nogil:
    cdef float value = 0
    cdef int64_t i
    for i in range(n):
        memcpy(&value, src + 4 * i, 4)
        dst[i] = <uint8_t>scaled(value, 255.0)


cdef inline row_function floats_to_words(u8_in src, u8_out dst, int64_t n) noexcept nogil:
    cdef float value = 0
    cdef uint16_t word
    cdef int64_t i
    for i in range(n):
        memcpy(&value, src + 4 * i, 4)
        word = <uint16_t>scaled(value, 65535.0)
        memcpy(dst + 2 * i, &word, 2)


cdef inline uint32_t scaled(float value, double largest) noexcept nogil:
    """`largest` times what is between 0 and 1, rounded to nearest, ties to even; NaN is 0.

    A double holds the product of 24 bits and 16. Beyond 2**52 it has no bits for fractions, so that adding as
    much rounds, and the sum's lowest bits are the integer.
    """
    cdef float inside = value if value > 0 else <float>0.0  # NaN is not above 0
    inside = inside if inside < 1 else <float>1.0
    cdef double shifted = <double>inside * largest + 4503599627370496.0
    cdef uint64_t bits = 0
    memcpy(&bits, &shifted, sizeof(bits))
    return <uint32_t>bits
