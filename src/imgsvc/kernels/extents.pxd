"""Where pixels differ from a background: a first and a last one for each row."""

from libc.stdint cimport int32_t, int64_t, uint8_t

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


cdef enum:
    ROWS = 16


cdef struct Looking:
    Images images
    Extents extents


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
