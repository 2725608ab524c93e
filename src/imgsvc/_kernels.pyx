"""The kernels: each class is a routine on pixels with its parameters. Built once for each instruction set.

A kernel is made once and called for any number of images. Nothing is validated here: ``imgsvc.operations``
has done that. What a class computes stands in its family, a file in ``kernels/``; all of it is compiled into
this module. How a call gets from a NumPy array to `run`, and with how many threads, is ``_door.pyx``.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t

# By whole names, or Cython does not tell the build that this module depends on them.
cimport imgsvc.kernels.box as box
cimport imgsvc.kernels.channels as channels
cimport imgsvc.kernels.convolution as convolution
cimport imgsvc.kernels.depth as depth
cimport imgsvc.kernels.gaussian as gaussian
cimport imgsvc.kernels.geometry as geometry
cimport imgsvc.kernels.mean as mean
cimport imgsvc.kernels.measures as measures
cimport imgsvc.kernels.pixels as pixels
cimport imgsvc.kernels.resampling as resampling
cimport imgsvc.kernels.warp as warping
from imgsvc._door cimport Kernel
from imgsvc._stop cimport stop_state
from imgsvc.kernels.alpha cimport OPAQUE, RGBA
from imgsvc.kernels.borders cimport MAX_PIXEL_BYTES, Border, border_of
from imgsvc.kernels.chunks cimport OPENMP
from imgsvc.kernels.image cimport Image, upside_down

openmp = bool(OPENMP)


cdef Border border_for(int rule, bint weighted):
    """A border whose constant is black; opaque black where colours are weighted by alpha."""
    cdef Border border = border_of(rule)
    if weighted:
        border.fill[RGBA - 1] = OPAQUE
    return border


# What moves pixels: kernels/geometry.pxd.

cdef class Copy(Kernel):
    """Copies the rectangle of the result's size that begins at (`left`, `top`), or turns it upside down."""

    cdef int64_t left
    cdef int64_t top
    cdef bint reverses

    def __cinit__(self, int64_t left=0, int64_t top=0, bint reverses=False):
        self.left = left
        self.top = top
        self.reverses = reverses

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        cdef Image rectangle = src[0]
        rectangle.data += self.top * src.stride + self.left * src.channels
        rectangle.height = dst.height
        rectangle.width = dst.width
        if self.reverses:
            rectangle = upside_down(rectangle)
        return geometry.copy(&rectangle, dst, num_threads, stop)


cdef class Mirror(Kernel):
    """Exchanges left and right, and with `reverses` top and bottom too: a half turn."""

    cdef bint reverses

    def __cinit__(self, bint reverses=False):
        self.reverses = reverses

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        # Of the result, not of the image: both are then gone through in one direction, from end to end.
        cdef Image result = upside_down(dst[0]) if self.reverses else dst[0]
        return geometry.mirror(src, &result, num_threads, stop)


cdef class Transpose(Kernel):
    """Exchanges rows and columns."""

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return geometry.transpose(src, dst, num_threads, stop)


cdef class QuarterTurn(Kernel):
    """Turns by 90 degrees: a transposition of the image or to the result, one of which is upside down."""

    cdef bint clockwise

    def __cinit__(self, bint clockwise):
        self.clockwise = clockwise

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        cdef Image image
        if self.clockwise:
            image = upside_down(src[0])
            return geometry.transpose(&image, dst, num_threads, stop)
        image = upside_down(dst[0])
        return geometry.transpose(src, &image, num_threads, stop)


cdef class Pad(Kernel):
    """Puts a frame around the image, by a rule of kernels/borders.pxd and a pixel for the constant one."""

    cdef int64_t left
    cdef int64_t top
    cdef geometry.Border border

    def __cinit__(self, int64_t left, int64_t top, int border, const uint8_t[::1] fill not None):
        cdef int64_t i
        self.left = left
        self.top = top
        self.border = border_of(border)
        for i in range(min(fill.shape[0], MAX_PIXEL_BYTES)):
            self.border.fill[i] = fill[i]

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return geometry.pad(src, dst, self.left, self.top, self.border, num_threads, stop)


# What turns, shears and scales: kernels/warp.pxd.

cdef class Warp(Kernel):
    """Looks at places of the image, which `operations/sampling.py` makes, with weights for each fraction."""

    cdef const int16_t[:, ::1] weights
    cdef warping.Places places
    cdef warping.Interpolation interpolation
    cdef warping.Border border

    def __cinit__(
        self,
        const int64_t[::1] places not None,
        const int16_t[:, ::1] weights not None,
        int border,
        const uint8_t[::1] fill not None,
        bint weighted,
    ):
        cdef int64_t i
        self.weights = weights
        self.places = warping.Places(places[0], places[1], places[2], places[3], places[4], places[5])
        self.interpolation = warping.Interpolation(weights.shape[1], weighted, &weights[0, 0], 0, 0, 0)
        self.border = border_of(border)
        for i in range(min(fill.shape[0], MAX_PIXEL_BYTES)):
            self.border.fill[i] = fill[i]

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return warping.warp(src, dst, self.places, self.interpolation, self.border, num_threads, stop)


# Other sizes: kernels/resampling.pxd.

cdef class Select(Kernel):
    """Takes the pixels at `rows` and `columns`."""

    cdef const int64_t[::1] rows
    cdef const int64_t[::1] columns

    def __cinit__(self, const int64_t[::1] rows not None, const int64_t[::1] columns not None):
        self.rows = rows
        self.columns = columns

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return resampling.select(src, dst, &self.rows[0], &self.columns[0], num_threads, stop)


cdef class Resample(Kernel):
    """Weighs windows of rows, then of columns: each (starts, counts, weights) of operations/filters.py.

    With `weighted`, here and below, images are RGBA, and colours weighted by their alpha.
    """

    cdef object tables  # what the windows point into
    cdef resampling.Windows rows
    cdef resampling.Windows columns
    cdef bint weighted

    def __cinit__(self, rows not None, columns not None, bint weighted):
        self.tables = rows, columns
        self.rows = windows_of(rows)
        self.columns = windows_of(columns)
        self.weighted = weighted

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return resampling.resample(src, dst, &self.rows, &self.columns, self.weighted, num_threads, stop)


cdef resampling.Windows windows_of(axis):
    cdef const int64_t[::1] starts = axis[0]
    cdef const int64_t[::1] counts = axis[1]
    cdef const float[:, ::1] weights = axis[2]
    return resampling.Windows(&starts[0], &counts[0], &weights[0, 0], weights.shape[1])


# Means: kernels/mean.pxd, kernels/box.pxd.

cdef class MeanFilter(Kernel):
    """The mean of a pixel and those of its eight neighbours that exist, rounded down."""

    cdef bint weighted

    def __cinit__(self, bint weighted):
        self.weighted = weighted

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return mean.mean_3x3(src, dst, self.weighted, num_threads, stop)


cdef class BoxBlur(Kernel):
    """The mean over a square, divided as `division_by` of operations/mean.py says, to nearest."""

    cdef box.Box box

    def __cinit__(
        self, int64_t radius, uint32_t multiplier, int shift, bint narrow, int border, bint weighted
    ):
        self.box.radius = radius
        self.box.division.multiplier = multiplier
        self.box.division.shift = shift
        self.box.narrow = narrow
        self.box.weighted = weighted
        self.box.border = border_for(border, weighted)

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return box.box_blur(self.box, src, dst, num_threads, stop)


# Weighted sums: kernels/gaussian.pxd, kernels/convolution.pxd.

cdef class GaussianBlur(Kernel):
    """A blur by symmetric weights: one side of them, as `weights_of` of operations/gaussian.py makes it."""

    cdef const int16_t[::1] weights
    cdef gaussian.Blur blur

    def __cinit__(
        self,
        const int16_t[::1] weights not None,
        int64_t radius,
        bint long_sums,
        int border,
        bint weighted,
        *_,  # what else `Sharpen` takes
    ):
        self.weights = weights
        self.blur.weights = &weights[0]
        self.blur.count = weights.shape[0]
        self.blur.radius = radius
        self.blur.long_sums = long_sums
        self.blur.weighted = weighted
        self.blur.border = border_for(border, weighted)
        self.blur.sharpens = False

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return gaussian.blur(self.blur, src, dst, num_threads, stop)


cdef class Sharpen(GaussianBlur):
    """Exaggerates what a blur takes away, `amount` times where it is more than `threshold`."""

    def __cinit__(
        self,
        weights,
        int64_t radius,
        bint long_sums,
        int border,
        bint weighted,
        float amount,
        float threshold,
    ):
        self.blur.sharpens = True
        self.blur.sharpening.amount = amount
        self.blur.sharpening.threshold = threshold


cdef class Convolve(Kernel):
    """Weighted sums of a window's pixels: its taps are those of `taps_of` of operations/convolution.py."""

    cdef object tables  # what the work points into
    cdef convolution.Convolution work

    def __cinit__(
        self,
        int64_t window_height,
        int64_t window_width,
        const int64_t[::1] rows not None,
        const int64_t[::1] columns not None,
        const float[::1] weights not None,
        const float[::1] across not None,
        float bias,
        int border,
        bint weighted,
    ):
        self.tables = rows, columns, weights, across
        self.work.window_height = window_height
        self.work.window_width = window_width
        self.work.rows = &rows[0]
        self.work.columns = &columns[0]
        self.work.weights = &weights[0]
        self.work.count = weights.shape[0]
        self.work.across = &across[0] if across.shape[0] else NULL
        self.work.across_count = across.shape[0]
        self.work.bias = bias
        self.work.weighted = weighted
        self.work.border = border_for(border, weighted)

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return convolution.convolve(self.work, src, dst, num_threads, stop)


# Pixels by themselves: kernels/pixels.pxd.

cdef class Lookup(Kernel):
    """Replaces values by those of a table, or of one for each channel; or those of colours alone."""

    cdef const uint8_t[::1] tables
    cdef bint colours_only

    def __cinit__(self, const uint8_t[::1] tables not None, bint colours_only):
        self.tables = tables
        self.colours_only = colours_only

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        cdef bint by_channel = self.tables.shape[0] > 256
        return pixels.lookup(
            src, dst, &self.tables[0], by_channel, self.colours_only, num_threads, stop
        )


cdef class Invert(Kernel):
    """The negative of colours."""

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return pixels.invert(src, dst, num_threads, stop)


cdef class Threshold(Kernel):
    """Black up to a level, and white above it."""

    cdef uint8_t level

    def __cinit__(self, uint8_t level):
        self.level = level

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return pixels.threshold(src, dst, self.level, num_threads, stop)


cdef class Grayscale(Kernel):
    """The luma of colours."""

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return pixels.grayscale(src, dst, num_threads, stop)


# Channels of a pixel together: kernels/channels.pxd.

cdef class ColorMatrix(Kernel):
    """Weighted sums of colours: rows of three weights and what is added, for red, green and blue."""

    cdef const float[::1] matrix

    def __cinit__(self, const float[::1] matrix not None):
        self.matrix = matrix

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return channels.color_matrix(src, dst, &self.matrix[0], num_threads, stop)


cdef class Flatten(Kernel):
    """RGBA over a colour: red, green and blue."""

    cdef const uint8_t[::1] background

    def __cinit__(self, const uint8_t[::1] background not None):
        self.background = background

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return channels.flatten(src, dst, &self.background[0], num_threads, stop)


# What an image shows: kernels/measures.pxd.

cdef class Extents(Kernel):
    """The first and the last pixel of each row that differs from `background` by more than `threshold`.

    The result has a row of 8 bytes for each: two integers of 32 bits.
    """

    cdef measures.Extents work

    def __cinit__(self, const uint8_t[::1] background not None, int threshold):
        cdef int64_t i
        self.work.channels = background.shape[0]
        self.work.threshold = threshold
        for i in range(measures.BLOCK):
            self.work.background[i] = background[i % self.work.channels]

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return measures.find_extents(src, dst, self.work, num_threads, stop)


cdef class Histogram(Kernel):
    """How many pixels have each value, for each tile of `rows` x `columns` and each channel.

    The result has a row of 1024 bytes a channel for each tile, row by row: 256 integers of 32 bits.
    """

    cdef int64_t rows
    cdef int64_t columns

    def __cinit__(self, int64_t rows, int64_t columns):
        self.rows = rows
        self.columns = columns

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return measures.histogram(src, dst, self.rows, self.columns, num_threads, stop)


# Other depths: kernels/depth.pxd.

cdef class Convert(Kernel):
    """Changes the depth of values, which have `src_bytes` and then `dst_bytes`: 1, 2, or 4 as floats."""

    cdef int64_t src_bytes
    cdef int64_t dst_bytes

    def __cinit__(self, int64_t src_bytes, int64_t dst_bytes):
        self.src_bytes = src_bytes
        self.dst_bytes = dst_bytes

    cdef int run(self, const Image* src, const Image* dst, int num_threads, stop_state* stop) except -1:
        return depth.convert(src, dst, self.src_bytes, self.dst_bytes, num_threads, stop)
