from libc.stdint cimport INT64_MAX, int64_t

cdef extern from "_stop.h":
    ctypedef struct stop_state "imgsvc_stop_state":
        int64_t deadline
        int cancelled
        int stopped

    bint should_stop "imgsvc_should_stop"(stop_state* state) noexcept nogil


cdef class Stop:
    cdef stop_state state


cdef inline stop_state no_stop() noexcept nogil:
    """What never tells a kernel to stop."""
    return stop_state(INT64_MAX, 0, 0)
