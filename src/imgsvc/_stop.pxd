from libc.stdint cimport int64_t

cdef extern from "_stop.h":
    ctypedef struct stop_state "imgsvc_stop_state":
        int64_t deadline
        int cancelled
        int stopped

    bint should_stop "imgsvc_should_stop"(stop_state* state) noexcept nogil


cdef class Stop:
    cdef stop_state state
