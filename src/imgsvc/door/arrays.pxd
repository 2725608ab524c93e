"""NumPy arrays as images, without asking Python anything."""

cimport numpy as np
from libc.stdint cimport int64_t, uint8_t

from imgsvc.kernels.image cimport Image

cdef enum:
    GRAY = 2   # the rank of an image without an axis for its channels
    COLOUR = 3


cdef struct Layout:
    # What an image is but for its pixels. Two are equal if their bytes are, so all of them are set.
    int64_t[COLOUR] shape
    int64_t rank
    int64_t typenum
    int64_t itemsize


cdef inline bint layout_of(object array, Layout* layout) noexcept:
    """Whether `array` is exactly an ndarray of two or three axes, in this machine's order of bytes."""
    cdef int rank
    if not np.PyArray_CheckExact(array):
        return False
    rank = np.PyArray_NDIM(array)
    if (rank != GRAY and rank != COLOUR) or not np.PyArray_ISNOTSWAPPED(array):
        return False
    layout.shape[0] = np.PyArray_DIM(array, 0)
    layout.shape[1] = np.PyArray_DIM(array, 1)
    layout.shape[2] = np.PyArray_DIM(array, 2) if rank == COLOUR else 1
    layout.rank = rank
    layout.typenum = np.PyArray_TYPE(array)
    layout.itemsize = np.PyArray_ITEMSIZE(array)
    return True


cdef inline bint image_of(np.ndarray array, const Layout* layout, Image* image) noexcept:
    """Whether the rows of `array`, which has that layout, are contiguous; then it is `image`.

    NumPy leaves the stride of an axis of length 1 to chance, and nobody steps along it.
    """
    cdef int64_t pixel = layout.shape[2] * layout.itemsize
    image.data = <uint8_t*>np.PyArray_DATA(array)
    image.height = layout.shape[0]
    image.width = layout.shape[1]
    image.channels = pixel
    image.stride = layout.shape[1] * pixel
    if np.PyArray_IS_C_CONTIGUOUS(array):
        return True
    image.stride = np.PyArray_STRIDE(array, 0)
    return (image.width == 1 or np.PyArray_STRIDE(array, 1) == pixel) and (
        layout.shape[2] == 1 or np.PyArray_STRIDE(array, 2) == layout.itemsize
    )


cdef inline bint overlap(const Image* src, const Image* dst) noexcept:
    """Whether the bytes from the first to the last of `dst`, which is contiguous, meet those of `src`."""
    cdef int64_t rows = (src.height - 1) * src.stride
    cdef const uint8_t* begin = src.data + min(rows, 0)
    cdef const uint8_t* end = src.data + max(rows, 0) + src.width * src.channels
    return begin < dst.data + dst.height * dst.stride and dst.data < end
