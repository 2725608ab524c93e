"""An image as row functions' callers see it: a pointer, a stride and three lengths."""

from libc.stdint cimport int64_t, uint8_t

cdef extern from "image.h":
    ctypedef struct Image "imgsvc_image":
        uint8_t* data
        int64_t height
        int64_t width
        int64_t channels  # of bytes: of deep pixels these are as many as they have bytes
        int64_t stride  # bytes from a row to the next; may be negative

    uint8_t* at "imgsvc_at"(const Image* image, int64_t y, int64_t x) noexcept nogil
    void prefetch "imgsvc_prefetch"(
        const Image* image, int64_t y, int64_t left, int64_t right
    ) noexcept nogil
    void prefetch_rows "imgsvc_prefetch_rows"(
        const Image* image, int64_t top, int64_t bottom, int64_t left, int64_t right
    ) noexcept nogil

cdef extern from "copy.h":
    void copy_bytes "imgsvc_copy"(const uint8_t* src, uint8_t* dst, int64_t num_bytes) noexcept nogil


cdef inline Image upside_down(Image image) noexcept nogil:
    """The image with its last row first."""
    image.data += (image.height - 1) * image.stride
    image.stride = -image.stride
    return image


cdef enum:
    AHEAD = 8  # rows that are prefetched before they are looked at


cdef struct Images:
    Image src
    Image dst


cdef inline Images in_one_row(Image src, Image dst) noexcept nogil:
    """Both as a single row, where no bytes lie between rows: short rows then cost no more than long ones."""
    if src.stride == src.width * src.channels and dst.stride == dst.width * dst.channels:
        src.width *= src.height
        dst.width *= dst.height
        src.height = 1
        dst.height = 1
    return Images(src, dst)
