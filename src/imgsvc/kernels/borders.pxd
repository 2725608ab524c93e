"""Pixels that may lie outside an image, by the rules of ``imgsvc.operations.borders``."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from imgsvc.kernels.image cimport Image, at, copy_bytes

cdef enum Rule:
    CONSTANT = 0
    REPLICATE = 1
    REFLECT = 2
    REFLECT101 = 3
    WRAP = 4

cdef enum:
    MAX_CHANNELS = 4
    NOWHERE = -1


cdef struct Border:
    Rule rule
    uint8_t[MAX_CHANNELS] fill  # the pixel that is everywhere outside, for CONSTANT


cdef inline Border border_of(int rule) noexcept nogil:
    """A border whose constant is black."""
    cdef Border border
    cdef int channel
    border.rule = <Rule>rule
    for channel in range(MAX_CHANNELS):
        border.fill[channel] = 0
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


cdef inline void put_pixel(const uint8_t* pixel, uint8_t* dst, int64_t channels) noexcept nogil:
    """Copy a pixel: with lengths that the compiler knows."""
    if channels == 1:
        dst[0] = pixel[0]
    elif channels == 3:
        memcpy(dst, pixel, 3)
    else:
        memcpy(dst, pixel, 4)


cdef inline void border_pixels(
    const Image* src, int64_t row, int64_t left, int64_t right, const Border* border, uint8_t* dst
) noexcept nogil:
    """Pixels `left` to `right` of a row, all of them outside; `border.fill` if the row is `NOWHERE`."""
    cdef int64_t channels = src.channels
    cdef int64_t count = right - left
    cdef int64_t done = min(period_of(src.width, border.rule), count)
    cdef int64_t x, column
    for x in range(done):
        column = NOWHERE
        if row != NOWHERE:
            column = source_index(left + x, src.width, border.rule)
        if column == NOWHERE:
            put_pixel(&border.fill[0], dst + x * channels, channels)
        else:
            put_pixel(at(src, row, column), dst + x * channels, channels)
    while done < count:  # whole periods, twice as many each time
        memcpy(dst + done * channels, dst, min(done, count - done) * channels)
        done *= 2


cdef inline const uint8_t* row_with_border(
    const Image* src, int64_t y, int64_t left, int64_t right, const Border* border, uint8_t* scratch
) noexcept nogil:
    """Pixels `left` to `right` of row `y`, all of which may lie outside.

    In place where all are inside; otherwise they are copied to `scratch`, which has room for them.
    """
    cdef int64_t channels = src.channels
    cdef int64_t row = source_index(y, src.height, border.rule)
    cdef int64_t begin = min(max(left, 0), right)
    cdef int64_t end = max(min(right, src.width), begin)
    if row == NOWHERE:
        begin = end = right
    elif left >= 0 and right <= src.width:
        return at(src, row, left)
    border_pixels(src, row, left, begin, border, scratch)
    if end > begin:
        copy_bytes(at(src, row, begin), scratch + (begin - left) * channels, (end - begin) * channels)
    border_pixels(src, row, end, right, border, scratch + (end - left) * channels)
    return scratch
