"""Colours weighted by alpha: what the families that do so share. Pixels have four values, alpha the last."""

from libc.stdint cimport int64_t, uint8_t

cdef extern from "alpha.h":
    bint is_opaque "imgsvc_opaque"(const uint8_t* pixels, int64_t n) noexcept nogil
    void make_opaque "imgsvc_make_opaque"(uint8_t* pixels, int64_t n) noexcept nogil
    void premultiply_floats "imgsvc_premultiply_floats"(
        const uint8_t* src, float* dst, int64_t n
    ) noexcept nogil
    void unpremultiply_floats "imgsvc_unpremultiply_floats"(
        float* sums, int64_t n, float white
    ) noexcept nogil

cdef enum:
    RGBA = 4
    OPAQUE = 255
