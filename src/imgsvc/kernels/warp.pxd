"""Pixels of an image at places along straight lines: what turns, shears and scales it."""

from libc.stdint cimport int16_t, int64_t, uint8_t
from libc.string cimport memset

from imgsvc.kernels.borders cimport CONSTANT, NOWHERE, Border, put_pixel, repeat, source_index
from imgsvc.kernels.chunks cimport Chunk, Chunks, compute, cut, is_quick
from imgsvc.kernels.image cimport Image, at
from imgsvc._stop cimport stop_state

cdef extern from "warp.h":
    enum:
        EIGHT "IMGSVC_EIGHT"
        PATCH_BYTES "IMGSVC_PATCH_BYTES"
        PATCH_STRIDE "IMGSVC_PATCH_STRIDE"
        WINDOW "IMGSVC_WINDOW"

    ctypedef struct Line "imgsvc_line":
        int64_t x
        int64_t y
        int64_t x_step
        int64_t y_step

    ctypedef struct Interpolation "imgsvc_interpolation":
        int64_t taps
        bint weighted
        const int16_t* weights
        int64_t ahead
        int64_t last_window
        int64_t last_row

    int64_t place "imgsvc_place"(int64_t start, int64_t step, int64_t pixel) noexcept nogil
    int64_t whole "imgsvc_whole"(int64_t place) noexcept nogil
    int64_t bytes_read "imgsvc_bytes_read"(int64_t taps, int64_t pixel_bytes) noexcept nogil
    void warp_inside "imgsvc_warp_inside"(
        const uint8_t* src, int64_t stride, int64_t pixel_bytes, const Line* line,
        const Interpolation* interpolation, uint8_t* dst, int64_t n
    ) noexcept nogil
    void warp_patches "imgsvc_warp_patches"(
        const uint8_t* patches, int64_t channels, const Line* line, const Interpolation* interpolation,
        uint8_t* dst, int64_t n
    ) noexcept nogil

cdef enum:
    # Pixels of a chunk: its part of the source, which lies askew, stays in the second cache, and beginning
    # lines takes little beside what is in them.
    CHUNK_ROWS = 32
    CHUNK_COLUMNS = 512

    AHEAD = 8  # rows of the result that the source is prefetched for: it is gone through askew

    # Bytes that are copied while a tap is looked at.
    TAP_BYTES = 4

    MOST_STRIDE = 0x7FFFFFFF  # for what multiplies 32 bits

cdef enum Where:
    INSIDE
    OUTSIDE
    MIXED


cdef struct Places:
    # Of the result's first pixel, and from a pixel to the next, in 2**-32 of a pixel of the source. Each
    # pixel of the result lies within 2**30 of the source's first one.
    int64_t x
    int64_t y
    int64_t x_across
    int64_t y_across
    int64_t x_down
    int64_t y_down


cdef struct Warp:
    Image src
    Image dst
    Places places
    Interpolation interpolation
    Border border
    int64_t before  # taps before the pixel that a place is in
    int64_t last_x  # where taps that are all inside may begin, with what is read beside them
    int64_t last_y


cdef inline int warp(
    const Image* src,
    const Image* dst,
    Places places,
    Interpolation interpolation,
    Border border,
    int num_threads,
    stop_state* stop,
) except -1:
    """Write to each pixel of `dst` what `src` has at its place, between pixels where there are taps."""
    cdef Warp work
    cdef int64_t taps = interpolation.taps
    cdef Chunks chunks = cut(dst.height, dst.width, CHUNK_ROWS, CHUNK_COLUMNS)
    chunks.quick = is_quick(dst.height, dst.width * (src.channels + TAP_BYTES * taps * taps))
    work.src = src[0]
    work.dst = dst[0]
    work.places = places
    work.interpolation = interpolation
    work.border = border
    work.before = taps // 2 - 1 if taps > 1 else 0
    work.last_x = -1
    if -MOST_STRIDE <= src.stride <= MOST_STRIDE:
        work.interpolation.ahead = (
            whole(place(0, places.y_down, AHEAD)) * src.stride
            + whole(place(0, places.x_down, AHEAD)) * src.channels
        )
        work.last_x = last_pixel(src.width * src.channels - bytes_read(taps, src.channels), src.channels)
    work.last_y = src.height - taps
    work.interpolation.last_window = src.width * src.channels - WINDOW
    work.interpolation.last_row = src.height - 1
    return compute(warp_chunk, &work, &chunks, EIGHT * PATCH_BYTES, num_threads, stop)


cdef inline int64_t last_pixel(int64_t last_byte, int64_t pixel_bytes) noexcept nogil:
    """The last pixel that begins at `last_byte` or before it."""
    return last_byte // pixel_bytes if last_byte >= 0 else -1


cdef inline void warp_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Warp* warp = <const Warp*>work
    cdef const Places* places = &warp.places
    cdef Line line
    cdef int64_t y
    line.x_step = places.x_across
    line.y_step = places.y_across
    memset(scratch, 0, EIGHT * PATCH_BYTES)
    for y in range(chunk.top, chunk.bottom):
        line.x = place(place(places.x, places.x_down, y), places.x_across, chunk.left)
        line.y = place(place(places.y, places.y_down, y), places.y_across, chunk.left)
        warp_row(warp, line, at(&warp.dst, y, chunk.left), chunk.right - chunk.left, <uint8_t*>scratch)


cdef inline void warp_row(
    const Warp* warp, Line line, uint8_t* dst, int64_t n, uint8_t* patches
) noexcept nogil:
    """Pixels of a row: those whose taps are all inside, those that see the border's colour alone, others.

    Places follow one another along a straight line, so what both ends are all in between is.
    """
    cdef int64_t pixel_bytes = warp.src.channels
    cdef int64_t x = 0
    cdef int64_t end
    cdef Where where
    if n >= EIGHT and where_is(warp, &line, 0, n) == INSIDE:
        run(warp, line, 0, n, dst)
        return
    while x < n:
        end = min(x + EIGHT, n)
        where = where_is(warp, &line, x, end)
        if where == MIXED:
            mixed(warp, line, x, end, dst + x * pixel_bytes, patches)
            x = end
            continue
        while end < n and where_is(warp, &line, end, min(end + EIGHT, n)) == where:
            end = min(end + EIGHT, n)
        if where == OUTSIDE:
            repeat(&warp.border.fill[0], dst + x * pixel_bytes, end - x, pixel_bytes)
        elif end - x < EIGHT:
            mixed(warp, line, x, end, dst + x * pixel_bytes, patches)
        else:
            run(warp, line, x, end, dst + x * pixel_bytes)
        x = end


cdef inline Where where_is(const Warp* warp, const Line* line, int64_t begin, int64_t end) noexcept nogil:
    """Where pixels `begin` to `end` of a line have their taps."""
    cdef int64_t taps = warp.interpolation.taps
    cdef int64_t x = whole(place(line.x, line.x_step, begin)) - warp.before
    cdef int64_t y = whole(place(line.y, line.y_step, begin)) - warp.before
    cdef int64_t last_x = whole(place(line.x, line.x_step, end - 1)) - warp.before
    cdef int64_t last_y = whole(place(line.y, line.y_step, end - 1)) - warp.before
    if (
        min(x, last_x) >= 0
        and max(x, last_x) <= warp.last_x
        and min(y, last_y) >= 0
        and max(y, last_y) <= warp.last_y
    ):
        return INSIDE
    if warp.border.rule == CONSTANT and (
        max(x, last_x) <= -taps
        or min(x, last_x) >= warp.src.width
        or max(y, last_y) <= -taps
        or min(y, last_y) >= warp.src.height
    ):
        return OUTSIDE
    return MIXED


cdef inline void run(const Warp* warp, Line line, int64_t begin, int64_t end, uint8_t* dst) noexcept nogil:
    """Pixels `begin` to `end` of a line, which are inside."""
    cdef const Image* src = &warp.src
    line.x = place(line.x, line.x_step, begin)
    line.y = place(line.y, line.y_step, begin)
    warp_inside(
        src.data - warp.before * (src.stride + src.channels), src.stride, src.channels, &line,
        &warp.interpolation, dst, end - begin,
    )


cdef inline void mixed(
    const Warp* warp, Line line, int64_t begin, int64_t end, uint8_t* dst, uint8_t* patches
) noexcept nogil:
    """Pixels `begin` to `end` of a line, eight at most, whose taps may lie anywhere: tap by tap."""
    cdef int64_t pixel_bytes = warp.src.channels
    cdef int64_t taps = warp.interpolation.taps
    cdef int64_t i, s, t, row, x, y
    cdef int64_t[4] columns
    cdef uint8_t* patch
    line.x = place(line.x, line.x_step, begin)
    line.y = place(line.y, line.y_step, begin)
    for i in range(end - begin):
        x = whole(place(line.x, line.x_step, i)) - warp.before
        y = whole(place(line.y, line.y_step, i)) - warp.before
        # A pixel that moves has no patch.
        patch = dst + i * pixel_bytes if taps == 1 else patches + i * PATCH_BYTES
        for s in range(taps):
            columns[s] = source_index(x + s, warp.src.width, warp.border.rule)
        for t in range(taps):
            row = source_index(y + t, warp.src.height, warp.border.rule)
            for s in range(taps):
                if row == NOWHERE or columns[s] == NOWHERE:
                    put_pixel(&warp.border.fill[0], patch + s * pixel_bytes, pixel_bytes)
                else:
                    put_pixel(at(&warp.src, row, columns[s]), patch + s * pixel_bytes, pixel_bytes)
            patch += PATCH_STRIDE
    if taps > 1:
        warp_patches(patches, pixel_bytes, &line, &warp.interpolation, dst, end - begin)
