"""Pixels that may lie outside an image, by the rules of ``imgsvc.operations.borders``."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memset

from imgsvc.kernels.image cimport Image, at, copy_bytes

cdef extern from "moves.h":
    void put_pixel "imgsvc_put_pixel"(const uint8_t* src, uint8_t* dst, int64_t pixel_bytes) noexcept nogil
    void repeat "imgsvc_repeat"(
        const uint8_t* src, uint8_t* dst, int64_t count, int64_t pixel_bytes
    ) noexcept nogil

cdef enum Rule:
    CONSTANT = 0
    REPLICATE = 1
    REFLECT = 2
    REFLECT101 = 3
    WRAP = 4

cdef enum:
    MAX_CHANNELS = 4
    MAX_PIXEL_BYTES = 16
    NOWHERE = -1


cdef struct Border:
    Rule rule
    uint8_t[MAX_PIXEL_BYTES] fill  # the pixel that is everywhere outside, for CONSTANT


cdef inline Border border_of(int rule) noexcept nogil:
    """A border whose constant is black."""
    cdef Border border
    border.rule = <Rule>rule
    memset(&border.fill[0], 0, MAX_PIXEL_BYTES)
    return border


cdef inline int64_t period_of(int64_t length, Rule rule) noexcept nogil:
    """After how many pixels what is seen outside repeats itself."""
    if rule == CONSTANT or rule == REPLICATE or length == 1:
        return 1
    if rule == WRAP:
        return length
    return 2 * length if rule == REFLECT else 2 * length - 2


cdef inline int64_t source_index(int64_t index, int64_t length, Rule rule) noexcept nogil:
    """Where along an axis the pixel comes from that is seen at `index`, or `NOWHERE`."""
    cdef int64_t period
    if 0 <= index < length:
        return index
    if rule == CONSTANT:
        return NOWHERE
    if rule == REPLICATE or length == 1:
        return 0 if index < 0 else length - 1
    period = period_of(length, rule)
    if index < -period or index >= period:  # a division takes as long as all the rest
        index %= period  # as in C: of the sign of index
    if index < 0:
        index += period
    if index < length:
        return index
    return period - index - (1 if rule == REFLECT else 0)


cdef inline void border_pixels(
    const Image* src, int64_t row, int64_t left, int64_t right, const Border* border, uint8_t* dst
) noexcept nogil:
    """Pixels `left` to `right` of a row, all of them outside; `border.fill` if the row is `NOWHERE`."""
    cdef int64_t pixel_bytes = src.channels
    cdef int64_t count = right - left
    cdef int64_t done = min(period_of(src.width, border.rule), count)
    cdef int64_t x, column
    if row == NOWHERE or border.rule == CONSTANT:
        repeat(&border.fill[0], dst, count, pixel_bytes)
        return
    if done == 1:
        repeat(at(src, row, source_index(left, src.width, border.rule)), dst, count, pixel_bytes)
        return
    for x in range(done):
        column = source_index(left + x, src.width, border.rule)
        put_pixel(at(src, row, column), dst + x * pixel_bytes, pixel_bytes)
    while done < count:  # whole periods, twice as many each time
        memcpy(dst + done * pixel_bytes, dst, min(done, count - done) * pixel_bytes)
        done *= 2


cdef inline const uint8_t* row_with_border(
    const Image* src, int64_t y, int64_t left, int64_t right, const Border* border, uint8_t* scratch
) noexcept nogil:
    """Pixels `left` to `right` of row `y`, all of which may lie outside.

    In place where all are inside; otherwise they are copied to `scratch`, which has room for them.
    """
    cdef int64_t pixel_bytes = src.channels
    cdef int64_t row = source_index(y, src.height, border.rule)
    cdef int64_t begin = min(max(left, 0), right)
    cdef int64_t end = max(min(right, src.width), begin)
    if row == NOWHERE:
        begin = end = right
    elif left >= 0 and right <= src.width:
        return at(src, row, left)
    border_pixels(src, row, left, begin, border, scratch)
    if end > begin:
        copy_bytes(at(src, row, begin), scratch + (begin - left) * pixel_bytes, (end - begin) * pixel_bytes)
    border_pixels(src, row, end, right, border, scratch + (end - left) * pixel_bytes)
    return scratch
