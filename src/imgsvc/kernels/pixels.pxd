"""What makes each pixel of the result of that pixel of the image alone."""

from libc.stdint cimport int64_t, uint8_t

from imgsvc.kernels.chunks cimport Chunk, Chunks, chunks_of, compute
from imgsvc.kernels.image cimport Image, Images, at, in_one_row
from imgsvc.kernels.rows cimport row_function, u8_in, u8_out
from imgsvc._stop cimport stop_state

cdef extern from "lookup.h":
    void lookup_row "imgsvc_lookup"(
        const uint8_t* src, uint8_t* dst, int64_t n, const uint8_t* table
    ) noexcept nogil
    void lookup_colours "imgsvc_lookup_colours"(
        const uint8_t* src, uint8_t* dst, int64_t n, const uint8_t* table
    ) noexcept nogil
    void lookup_channels "imgsvc_lookup_channels"(
        const uint8_t* src, uint8_t* dst, int64_t n, const uint8_t* tables, int64_t channels
    ) noexcept nogil

cdef extern from "grayscale.h":
    void grayscale_row "imgsvc_grayscale"(
        const uint8_t* src, uint8_t* dst, int64_t width, int64_t channels
    ) noexcept nogil

cdef enum:
    RGBA = 4
    # Bytes at a time where colours and alpha are told apart by a mask: a vector, and whole pixels.
    MASK = 32


cdef struct Lookup:
    Images images
    const uint8_t* tables
    bint by_channel
    bint colours_only


cdef struct Masked:
    Images images
    uint8_t[MASK] colours  # 255 where a byte is a colour, 0 where it is alpha
    uint8_t level


cdef inline int lookup(
    const Image* src,
    const Image* dst,
    const uint8_t* tables,
    bint by_channel,
    bint colours_only,
    int num_threads,
    stop_state* stop,
) except -1:
    """Write `dst[y, x, c] = tables[src[y, x, c]]`, or `tables[256 * c + src[y, x, c]]` if `by_channel`.

    With `colours_only` the fourth channel stays as it is; then there is one table.
    """
    cdef Lookup work
    cdef Chunks chunks
    work.images = in_one_row(src[0], dst[0])
    work.tables = tables
    work.by_channel = by_channel
    work.colours_only = colours_only and src.channels == RGBA
    # Chunks of half the bytes: without AVX2 a microsecond is 3 KiB.
    chunks = chunks_of(work.images.src.height, work.images.src.width, 2 * src.channels, 1)
    return compute(lookup_chunk, &work, &chunks, 0, num_threads, stop)


cdef inline void lookup_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Lookup* lookup = <const Lookup*>work
    cdef int64_t channels = lookup.images.src.channels
    cdef int64_t num_bytes = (chunk.right - chunk.left) * channels
    cdef const uint8_t* src
    cdef uint8_t* dst
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        src = at(&lookup.images.src, y, chunk.left)
        dst = at(&lookup.images.dst, y, chunk.left)
        if lookup.by_channel:
            lookup_channels(src, dst, num_bytes, lookup.tables, channels)
        elif lookup.colours_only:
            lookup_colours(src, dst, num_bytes, lookup.tables)
        else:
            lookup_row(src, dst, num_bytes, lookup.tables)


cdef inline int invert(const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
    """Write `dst = 255 - src`, but for the fourth channel, which stays as it is."""
    cdef Masked work = masked(src[0], dst[0])
    cdef Chunks chunks = chunks_of(work.images.src.height, work.images.src.width, src.channels, 1)
    return compute(invert_chunk, &work, &chunks, 0, num_threads, stop)


cdef inline void invert_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Masked* masked = <const Masked*>work
    cdef int64_t num_bytes = (chunk.right - chunk.left) * masked.images.src.channels
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        invert_row(
            at(&masked.images.src, y, chunk.left), at(&masked.images.dst, y, chunk.left), num_bytes,
            &masked.colours[0],
        )


cdef inline row_function invert_row(u8_in src, u8_out dst, int64_t n, u8_in colours) noexcept nogil:
    cdef int64_t blocks = n // MASK
    cdef int64_t whole = blocks * MASK
    cdef int64_t block, i
    for block in range(blocks):
        for i in range(MASK):
            dst[MASK * block + i] = src[MASK * block + i] ^ colours[i]
    for i in range(n - whole):
        dst[whole + i] = src[whole + i] ^ colours[i]


cdef inline int threshold(
    const Image* src, const Image* dst, uint8_t level, int num_threads, stop_state* stop
) except -1:
    """Write `dst = 255 if src > level else 0`, but for the fourth channel, which stays as it is."""
    cdef Masked work = masked(src[0], dst[0])
    cdef Chunks chunks = chunks_of(work.images.src.height, work.images.src.width, src.channels, 1)
    work.level = level
    return compute(threshold_chunk, &work, &chunks, 0, num_threads, stop)


cdef inline void threshold_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Masked* masked = <const Masked*>work
    cdef int64_t num_bytes = (chunk.right - chunk.left) * masked.images.src.channels
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        threshold_row(
            at(&masked.images.src, y, chunk.left), at(&masked.images.dst, y, chunk.left), num_bytes,
            &masked.colours[0], masked.level,
        )


cdef inline row_function threshold_row(
    u8_in src, u8_out dst, int64_t n, u8_in colours, uint8_t level
) noexcept nogil:
    cdef int64_t blocks = n // MASK
    cdef int64_t whole = blocks * MASK
    cdef int64_t block, i
    for block in range(blocks):
        for i in range(MASK):
            dst[MASK * block + i] = thresholded(src[MASK * block + i], colours[i], level)
    for i in range(n - whole):
        dst[whole + i] = thresholded(src[whole + i], colours[i], level)


cdef inline uint8_t thresholded(uint8_t value, uint8_t colour, uint8_t level) noexcept nogil:
    return <uint8_t>(((255 if value > level else 0) & colour) | (value & ~colour))


cdef inline int grayscale(const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
    """Write `dst = (9798 R + 19235 G + 3735 B) / 32768`, rounded to nearest, ties to even."""
    cdef Images images = in_one_row(src[0], dst[0])
    cdef Chunks chunks = chunks_of(images.src.height, images.src.width, src.channels, 1)
    return compute(grayscale_chunk, &images, &chunks, 0, num_threads, stop)


cdef inline void grayscale_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Images* images = <const Images*>work
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        grayscale_row(
            at(&images.src, y, chunk.left), at(&images.dst, y, chunk.left), chunk.right - chunk.left,
            images.src.channels,
        )


cdef inline Masked masked(Image src, Image dst) noexcept nogil:
    cdef Masked work
    cdef int64_t i
    work.images = in_one_row(src, dst)
    work.level = 0
    for i in range(MASK):
        work.colours[i] = 0 if src.channels == RGBA and i % RGBA == RGBA - 1 else 255
    return work
