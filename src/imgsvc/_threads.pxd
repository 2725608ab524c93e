from libc.stdint cimport int64_t

cdef enum:
    AS_MANY_AS_CORES = 0

cdef int threads(int64_t num_bytes, int most) except -1
