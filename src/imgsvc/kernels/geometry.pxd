"""What moves pixels, and computes nothing: so they may be of any depth."""

from libc.stdint cimport int64_t, uint8_t

from imgsvc.kernels.borders cimport Border, row_with_border
from imgsvc.kernels.chunks cimport Chunk, Chunks, chunks_of, compute, cut, is_quick
from imgsvc.kernels.image cimport Image, Images, at, copy_bytes, in_one_row, prefetch
from imgsvc._stop cimport stop_state

cdef extern from "moves.h":
    void mirror_row "imgsvc_mirror"(
        const uint8_t* src, uint8_t* dst, int64_t width, int64_t pixel_bytes
    ) noexcept nogil
    void transpose_block "imgsvc_transpose"(
        const uint8_t* src, uint8_t* dst, int64_t rows, int64_t columns,
        int64_t src_stride, int64_t dst_stride, int64_t spare, int64_t pixel_bytes
    ) noexcept nogil


cdef enum:
    # Pixels of a block. Its rows become runs of dst, which are written fastest when they are long; all of the
    # block stays in L2, and its columns are few so that the lines of src are still there for the next block.
    BLOCK_ROWS = 256
    LOW_BLOCK_ROWS = 64  # of pixels that move two columns at a time: lines of src are fetched again otherwise
    BLOCK_COLUMNS = 32
    BLOCKS_IN_STRIP = 16  # side by side in one iteration: enough work for a thread, enough strips for many


cdef inline int transpose(
    const Image* src, const Image* dst, int num_threads, stop_state* stop
) except -1:
    """Write `dst[x, y] = src[y, x]`. With the rows of one side reversed this is a quarter turn."""
    cdef Images images = Images(src[0], dst[0])
    cdef bint by_words = src.channels == 6 or src.channels == 12  # deep RGB
    cdef Chunks strips = cut(
        src.height, src.width, LOW_BLOCK_ROWS if by_words else BLOCK_ROWS, BLOCK_COLUMNS * BLOCKS_IN_STRIP
    )
    strips.quick = is_quick(src.height, src.width * src.channels)
    return compute(transpose_strip, &images, &strips, 0, num_threads, stop)


cdef inline void transpose_strip(const void* work, Chunk strip, char* scratch) noexcept nogil:
    """Block by block."""
    cdef const Images* images = <const Images*>work
    cdef int64_t width = images.src.width
    cdef int64_t pixel_bytes = images.src.channels
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
        transpose_block(
            block, turned, rows, columns, src_stride, dst_stride, pixel_bytes * (width - x - columns),
            pixel_bytes,
        )
        x += columns


cdef inline int mirror(const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
    """Write `dst[y, width - 1 - x] = src[y, x]`. With the rows of one side reversed this is a half turn."""
    cdef Images images = Images(src[0], dst[0])
    cdef Chunks chunks = chunks_of(src.height, src.width, src.channels, 1)
    return compute(mirror_chunk, &images, &chunks, 0, num_threads, stop)


cdef inline void mirror_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Images* images = <const Images*>work
    cdef int64_t columns = chunk.right - chunk.left
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        mirror_row(
            at(&images.src, y, chunk.left), at(&images.dst, y, images.src.width - chunk.right), columns,
            images.src.channels,
        )


cdef inline int copy(const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
    """Write `dst[y, x] = src[y, x]`."""
    cdef Images images = in_one_row(src[0], dst[0])
    cdef Chunks chunks = chunks_of(images.src.height, images.src.width, src.channels, 1)
    return compute(copy_chunk, &images, &chunks, 0, num_threads, stop)


cdef inline void copy_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Images* images = <const Images*>work
    cdef int64_t num_bytes = (chunk.right - chunk.left) * images.src.channels
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        if images.src.stride < 0:  # processors expect what comes after, not before
            prefetch(&images.src, y + 1, chunk.left, chunk.right)
        copy_bytes(at(&images.src, y, chunk.left), at(&images.dst, y, chunk.left), num_bytes)


cdef struct Padding:
    Image src
    Image dst
    Border border
    int64_t left
    int64_t top


cdef inline int pad(
    const Image* src,
    const Image* dst,
    int64_t left,
    int64_t top,
    Border border,
    int num_threads,
    stop_state* stop,
) except -1:
    """Write `dst[y, x] = src[y - top, x - left]`; `border` says what lies outside."""
    cdef Padding padding = Padding(src[0], dst[0], border, left, top)
    cdef Chunks chunks = chunks_of(dst.height, dst.width, dst.channels, 1)
    return compute(pad_chunk, &padding, &chunks, 0, num_threads, stop)


cdef inline void pad_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
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
