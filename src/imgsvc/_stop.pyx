"""What tells a kernel to stop before it is done."""

from libc.stdint cimport INT64_MAX, int64_t

cdef extern from "_stop.h":
    int64_t monotonic "imgsvc_monotonic"() noexcept nogil
    bint get "imgsvc_get"(const int* flag) noexcept nogil
    void set "imgsvc_set"(int* flag) noexcept nogil

cdef double NANOSECONDS = 1e9
cdef double CENTURIES = 9e9  # beyond them a deadline is none


cdef class Stop:
    """A flag and a deadline that the kernels look at between chunks of some microseconds.

    Parameters
    ----------
    seconds
        From now to the deadline; None for none.
    """

    def __cinit__(self, seconds=None):
        cdef double left = CENTURIES if seconds is None else seconds
        self.state.deadline = INT64_MAX
        if not left >= CENTURIES:
            self.state.deadline = monotonic() + <int64_t>((left if left > 0.0 else 0.0) * NANOSECONDS)

    def cancel(self):
        """Make the kernels stop, now or when they begin; from any thread."""
        set(&self.state.cancelled)

    @property
    def remaining(self):
        """Seconds to the deadline, negative after it; None without one."""
        if self.state.deadline == INT64_MAX:
            return None
        return (self.state.deadline - monotonic()) / NANOSECONDS

    @property
    def cancelled(self):
        """Whether `cancel` has been called."""
        return get(&self.state.cancelled)

    @property
    def stopped(self):
        """Whether a kernel has left work undone, so that its output is worth nothing."""
        return get(&self.state.stopped)
