"""Kernels that move pixels and compute nothing."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from imgsvc._kernels.borders cimport MAX_CHANNELS, Border, border_of, row_with_border
from imgsvc._kernels.chunks cimport OPENMP, Chunk, Chunks, chunks_of, compute, cut, is_quick
from imgsvc._kernels.image cimport Image, Images, at, copy_bytes, in_one_row, source, target
from imgsvc._kernels.rows cimport row_function, u8_in, u8_out
from imgsvc._stop cimport Stop

openmp = bool(OPENMP)

cdef extern from "shuffle.h":
    void mirror_rgb "imgsvc_mirror_rgb"(const uint8_t* src, uint8_t* dst, int64_t width) noexcept nogil
    void transpose_gray "imgsvc_transpose_gray"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride
    ) noexcept nogil
    void transpose_rgb "imgsvc_transpose_rgb"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride, int64_t spare
    ) noexcept nogil
    void transpose_rgba "imgsvc_transpose_rgba"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride
    ) noexcept nogil


cdef enum:
    # Pixels of a block. Its rows become runs of dst, which are written fastest when they are long; all of the
    # block stays in L2, and its columns are few so that the lines of src are still there for the next block.
    BLOCK_ROWS = 256
    BLOCK_COLUMNS = 32
    BLOCKS_IN_STRIP = 16  # side by side in one iteration: enough work for a thread, enough strips for many


def transpose(
    const uint8_t[:, :, :] src not None, uint8_t[:, :, :] dst not None, int num_threads, Stop stop not None
):
    """Write `dst[x, y] = src[y, x]`. With the rows of one side reversed this is a quarter turn."""
    cdef Images images = Images(source(src), target(dst))
    cdef Chunks strips = cut(src.shape[0], src.shape[1], BLOCK_ROWS, BLOCK_COLUMNS * BLOCKS_IN_STRIP)
    strips.quick = is_quick(src.shape[0], src.shape[1] * src.shape[2])
    compute(transpose_strip, &images, &strips, 0, num_threads, stop)


cdef void transpose_strip(const void* work, Chunk strip, char* scratch) noexcept nogil:
    """Block by block."""
    cdef const Images* images = <const Images*>work
    cdef int64_t width = images.src.width
    cdef int64_t channels = images.src.channels
    cdef int64_t src_stride = images.src.stride
    cdef int64_t dst_stride = images.dst.stride
    cdef int64_t rows = strip.bottom - strip.top
    cdef const uint8_t* block
    cdef uint8_t* turned
    cdef int64_t x = strip.left
    cdef int64_t columns
    while x < strip.right:
        columns = min(strip.right - x, BLOCK_COLUMNS)
        block = at(&images.src, strip.top, x)
        turned = at(&images.dst, x, strip.top)
        if channels == 1:
            transpose_gray(block, turned, rows, columns, src_stride, dst_stride)
        elif channels == 3:
            transpose_rgb(block, turned, rows, columns, src_stride, dst_stride, 3 * (width - x - columns))
        else:
            transpose_rgba(block, turned, rows, columns, src_stride, dst_stride)
        x += columns


def mirror(
    const uint8_t[:, :, :] src not None, uint8_t[:, :, :] dst not None, int num_threads, Stop stop not None
):
    """Write `dst[y, width - 1 - x] = src[y, x]`. With the rows of one side reversed this is a half turn."""
    cdef Images images = Images(source(src), target(dst))
    cdef Chunks chunks = chunks_of(src.shape[0], src.shape[1], src.shape[2], 1)
    compute(mirror_chunk, &images, &chunks, 0, num_threads, stop)


cdef void mirror_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Images* images = <const Images*>work
    cdef int64_t columns = chunk.right - chunk.left
    cdef const uint8_t* row
    cdef uint8_t* mirrored
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        row = at(&images.src, y, chunk.left)
        mirrored = at(&images.dst, y, images.src.width - chunk.right)
        if images.src.channels == 1:
            mirror_gray(row, mirrored, columns)
        elif images.src.channels == 3:
            mirror_rgb(row, mirrored, columns)
        else:
            mirror_rgba(row, mirrored, columns)


cdef row_function mirror_gray(u8_in src, u8_out dst, int64_t width) noexcept nogil:
    cdef int64_t x
    for x in range(width):
        dst[width - 1 - x] = src[x]


cdef row_function mirror_rgba(u8_in src, u8_out dst, int64_t width) noexcept nogil:
    cdef int64_t x
    for x in range(width):
        memcpy(dst + 4 * (width - 1 - x), src + 4 * x, 4)


def copy(
    const uint8_t[:, :, :] src not None, uint8_t[:, :, :] dst not None, int num_threads, Stop stop not None
):
    """Write `dst[y, x] = src[y, x]`."""
    cdef Images images = in_one_row(source(src), target(dst))
    cdef Chunks chunks = chunks_of(images.src.height, images.src.width, src.shape[2], 1)
    compute(copy_chunk, &images, &chunks, 0, num_threads, stop)


cdef void copy_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Images* images = <const Images*>work
    cdef int64_t num_bytes = (chunk.right - chunk.left) * images.src.channels
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        copy_bytes(at(&images.src, y, chunk.left), at(&images.dst, y, chunk.left), num_bytes)


cdef struct Padding:
    Image src
    Image dst
    Border border
    int64_t left
    int64_t top


def pad(
    const uint8_t[:, :, :] src not None,
    uint8_t[:, :, :] dst not None,
    int64_t left,
    int64_t top,
    int border,
    fill,
    int num_threads,
    Stop stop not None,
):
    """Write `dst[y, x] = src[y - top, x - left]`; `border` says what lies outside, and `fill` its colour."""
    cdef Padding padding = Padding(source(src), target(dst), border_of(border), left, top)
    cdef Chunks chunks = chunks_of(dst.shape[0], dst.shape[1], dst.shape[2], 1)
    cdef int64_t channel
    for channel in range(min(src.shape[2], MAX_CHANNELS)):
        padding.border.fill[channel] = fill[channel]
    compute(pad_chunk, &padding, &chunks, 0, num_threads, stop)


cdef void pad_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Padding* padding = <const Padding*>work
    cdef int64_t left = chunk.left - padding.left
    cdef int64_t right = chunk.right - padding.left
    cdef uint8_t* dst
    cdef const uint8_t* row
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        dst = at(&padding.dst, y, chunk.left)
        row = row_with_border(&padding.src, y - padding.top, left, right, &padding.border, dst)
        if row != dst:
            copy_bytes(row, dst, (right - left) * padding.src.channels)
