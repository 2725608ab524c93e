"""What an image shows: where it differs from a background, and how often each value is there.

The results are no images but numbers, for the caller to view and to put together.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset

from imgsvc.kernels.chunks cimport Chunk, Chunks, compute, cut, is_quick
from imgsvc.kernels.image cimport Image, Images, at
from imgsvc._stop cimport stop_state

cdef extern from "extents.h":
    enum: BLOCK "IMGSVC_EXTENT_BLOCK"

    ctypedef struct Extents "imgsvc_extents":
        uint8_t[192] background
        int64_t channels
        int threshold

    void extent_of "imgsvc_extent"(
        const uint8_t* row, int64_t width, const Extents* work, int32_t* extent
    ) noexcept nogil

cdef extern from "histogram.h":
    enum: TABLES "IMGSVC_TABLES"

    ctypedef uint32_t Counts "imgsvc_counts"[256]

    void count "imgsvc_count"(
        const uint8_t* row, int64_t width, int64_t channels, Counts* tables
    ) noexcept nogil
    void sum_tables "imgsvc_sum_tables"(Counts* tables, int64_t channels, Counts* counts) noexcept nogil


cdef enum:
    ROWS = 16


cdef struct Looking:
    Images images
    Extents extents


cdef struct Counting:
    Images images
    Chunks chunks


cdef inline int find_extents(
    const Image* src, const Image* dst, Extents extents, int num_threads, stop_state* stop
) except -1:
    """Write the first and the last column of each row that differs, 4 bytes each, into a row of `dst`."""
    cdef Looking work
    cdef Chunks chunks = cut(src.height, src.width, ROWS, src.width)
    work.images = Images(src[0], dst[0])
    work.extents = extents
    chunks.quick = is_quick(src.height, src.width * src.channels)
    return compute(extents_chunk, &work, &chunks, 0, num_threads, stop)


cdef inline void extents_chunk(const void* context, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Looking* work = <const Looking*>context
    cdef int64_t y
    for y in range(chunk.top, chunk.bottom):
        extent_of(
            at(&work.images.src, y, 0), work.images.src.width, &work.extents,
            <int32_t*>at(&work.images.dst, y, 0),
        )


cdef inline int histogram(
    const Image* src, const Image* dst, int64_t rows, int64_t columns, int num_threads, stop_state* stop
) except -1:
    """Count the values of each tile of `rows` x `columns`, channel by channel, into a row of `dst`.

    That is 256 integers of 32 bits for each channel. Tiles are counted row by row.
    """
    cdef Counting work
    work.images = Images(src[0], dst[0])
    work.chunks = cut(src.height, src.width, rows, columns)
    work.chunks.quick = is_quick(src.height, 2 * src.width * src.channels)
    return compute(
        histogram_chunk, &work, &work.chunks, TABLES * src.channels * sizeof(Counts), num_threads, stop
    )


cdef inline void histogram_chunk(const void* context, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Counting* work = <const Counting*>context
    cdef const Image* src = &work.images.src
    cdef Counts* tables = <Counts*>scratch
    cdef int64_t down = chunk.top // work.chunks.rows
    cdef int64_t tile = down * work.chunks.across + chunk.left // work.chunks.columns
    cdef int64_t y
    memset(tables, 0, TABLES * src.channels * sizeof(Counts))
    for y in range(chunk.top, chunk.bottom):
        count(at(src, y, chunk.left), chunk.right - chunk.left, src.channels, tables)
    sum_tables(tables, src.channels, <Counts*>at(&work.images.dst, tile, 0))
