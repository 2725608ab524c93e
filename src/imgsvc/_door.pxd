from imgsvc._stop cimport stop_state
from imgsvc.kernels.image cimport Image


cdef class Kernel:
    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1
