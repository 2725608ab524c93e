"""The types of row functions: ``cdef row_function name(u8_in src, u8_out dst, ...) noexcept nogil``."""

from libc.stdint cimport int16_t, uint8_t, uint16_t, uint32_t

cdef extern from *:
    """
    #ifndef IMGSVC_ROWS
    #define IMGSVC_ROWS
    #include <stdint.h>
    typedef const uint8_t *__restrict__ imgsvc_u8_in;
    typedef uint8_t *__restrict__ imgsvc_u8_out;
    typedef const int16_t *__restrict__ imgsvc_i16_in;
    typedef int16_t *__restrict__ imgsvc_i16_out;
    typedef const uint16_t *__restrict__ imgsvc_u16_in;
    typedef uint16_t *__restrict__ imgsvc_u16_out;
    typedef const uint32_t *__restrict__ imgsvc_u32_in;
    typedef uint32_t *__restrict__ imgsvc_u32_out;
    typedef const float *__restrict__ imgsvc_f32_in;
    typedef float *__restrict__ imgsvc_f32_out;
    #define IMGSVC_ROW_FUNCTION __attribute__((noinline)) void
    #endif
    """
    ctypedef const uint8_t* u8_in "imgsvc_u8_in"
    ctypedef uint8_t* u8_out "imgsvc_u8_out"
    ctypedef const int16_t* i16_in "imgsvc_i16_in"
    ctypedef int16_t* i16_out "imgsvc_i16_out"
    ctypedef const uint16_t* u16_in "imgsvc_u16_in"
    ctypedef uint16_t* u16_out "imgsvc_u16_out"
    ctypedef const uint32_t* u32_in "imgsvc_u32_in"
    ctypedef uint32_t* u32_out "imgsvc_u32_out"
    ctypedef const float* f32_in "imgsvc_f32_in"
    ctypedef float* f32_out "imgsvc_f32_out"
    ctypedef void row_function "IMGSVC_ROW_FUNCTION"
