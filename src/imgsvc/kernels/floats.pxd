"""Rows of bytes to rows of float and back."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

from imgsvc.kernels.rows cimport f32_in, f32_out, row_function, u8_in, u8_out

cdef enum:
    # The bits of 1.5 * 2**23 as a float, and of 255 more.
    SHIFTED_0 = 0x4B400000
    SHIFTED_255 = 0x4B4000FF


cdef inline row_function to_floats(u8_in src, f32_out dst, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        dst[i] = <float>src[i]


cdef inline row_function to_bytes(f32_in src, u8_out dst, int64_t n) noexcept nogil:
    """Round to nearest, ties to even, and clamp to 0..255; NaN is not to be met.

    Beyond 2**23 a float has no bits for fractions, so that adding 1.5 * 2**23 rounds. The sum's lowest bits
    are the integer, and its bits are in the order of the floats: they can be clamped as integers.
    """
    cdef float shifted
    cdef int32_t bits = 0
    cdef int64_t i
    for i in range(n):
        shifted = src[i] + <float>12582912.0
        memcpy(&bits, &shifted, sizeof(bits))
        bits = SHIFTED_0 if bits < SHIFTED_0 else bits
        bits = SHIFTED_255 if bits > SHIFTED_255 else bits
        dst[i] = <uint8_t>bits
