"""A bytes object that can be written into before anybody else sees it.

gRPC sends nothing but `bytes`. Filling one in place saves the copy that every way from another buffer costs.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize


cdef class WireBuffer:
    """`size` bytes of memory, uninitialised; `view()` writes them, `content` is the bytes object.

    Whoever takes `content` writes no more: bytes are hashed and shared because they never change.
    """

    cdef readonly bytes content

    def __cinit__(self, Py_ssize_t size):
        self.content = PyBytes_FromStringAndSize(NULL, size)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, PyBytes_AS_STRING(self.content), len(self.content), 0, flags)

    def view(self):
        """Return all of them as a writable memoryview."""
        return memoryview(self)
