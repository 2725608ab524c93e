"""Operations that look at an image along straight lines: turns by any angle, and affine maps."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from imgsvc import _dispatch
from imgsvc._images import UINT8
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.alpha import ALPHAS, Alpha, is_weighted, with_alpha
from imgsvc.operations.borders import BORDERS, Border
from imgsvc.operations.by_size import BySize, Resampling
from imgsvc.operations.colors import Color, check_channels, check_range, checked_color, levels_of
from imgsvc.operations.filters import NEAREST
from imgsvc.operations.matrices import Matrix, checked_matrix
from imgsvc.operations.operation import Operation, made, public
from imgsvc.operations.orientation import Rotate90
from imgsvc.operations.parameters import MAX_SIDE, integer, number, one_of, result_shape
from imgsvc.operations.sampling import (
    ANGLE_BITS,
    PLACE_BITS,
    TAPS,
    Places,
    cosine_and_sine,
    determinant,
    kernel_places,
    places_of,
    share_inside,
    turned_places,
    turned_size,
    weights_of,
)
from imgsvc.operations.scratch import channels_of, for_threads

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.affine import Affine

Interpolation = Literal["nearest", "bilinear", "bicubic"]

QUARTER = 90
MOST_DEGREES = 1e6
NUM_ROWS, NUM_COLUMNS = 2, 3
LARGEST = sys.float_info.max
"""Of what is in a matrix: all that is finite."""

# Of ``kernels/warp.h``: pixels at a time, and bytes of a patch.
EIGHT, PATCH_BYTES = 8, 64

# Bytes that one core copies while a pixel is computed; while one is, and one of its taps, that may be outside
# of the image; bytes of a line of the cache.
PIXEL_COSTS = {NEAREST: 10, "bilinear": 20, "bicubic": 60}
BESIDE_COST, TAP_COST = 100, 32
LINE_BYTES = 64


@dataclasses.dataclass(frozen=True)
class Warped(Resampling):
    """What `WarpAffine` and `Rotate` become for images of one size."""

    name: ClassVar[str] = "warp_affine"

    size: tuple[int, int]
    places: Places
    source: tuple[int, int]
    resample: str
    border: Border
    alpha: Alpha
    fill: Color

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result."""
        return (*self.size, *shape[2:])

    def cost(self, shape: Shape) -> int:
        """Return the bytes, and more by the filter, where taps are in the border, or far apart."""
        return self.cost_of(shape, UINT8)

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return the same for an image of `dtype`."""
        taps = TAPS[self.resample]
        pixels = math.prod(self.size)
        pixel_bytes = channels_of(shape) * dtype.itemsize
        inside = math.ceil(pixels * self._share_inside)
        # Those of rows and columns that meet an edge are some at a time, too.
        beside = 0 if self.border == "constant" else pixels - inside
        looked_for = min(beside + EIGHT * sum(self.size), pixels)
        step = max(abs(self.places.x_across), abs(self.places.y_across)) >> PLACE_BITS
        apart = min(step * pixel_bytes, LINE_BYTES)
        return (
            pixels * pixel_bytes
            + inside * (PIXEL_COSTS[self.resample] + taps * apart)
            + looked_for * (BESIDE_COST + TAP_COST * taps * taps)
        )

    @functools.cached_property
    def _share_inside(self) -> float:
        return share_inside(self.places, self.source, self.size)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return the filter, and whether colours are weighted."""
        name = f"warp {self.resample}"
        return name if self.resample == NEAREST else with_alpha(name, self.alpha, shape)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return the bytes of eight pixels' taps for each thread."""
        return for_threads(EIGHT * PATCH_BYTES, num_threads)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        levels = levels_of(self.fill, channels_of(shape), dtype)
        weighted = self.resample != NEAREST and is_weighted(self.alpha, shape)
        if weighted and not levels[-1]:  # what cannot be seen has no colour, as where it is computed
            levels = (0,) * len(levels)
        fill = np.array(levels, dtype).tobytes()
        return _dispatch.kernels().Warp(
            np.array(self.places, np.int64),
            weights_of(self.resample),
            BORDERS[self.border],
            fill,
            weighted,
        )


class Warping(BySize):
    """An operation that is `Warped`, or a quarter turn, for images of each size."""

    fill: Color
    alpha: Alpha

    size_field: ClassVar[str] = "width, height"
    """What a result beyond reason is said of."""

    def _check(self) -> None:
        one_of("resample", self.resample, TAPS)
        one_of("alpha", self.alpha, ALPHAS)
        object.__setattr__(self, "fill", checked_color("fill", self.fill))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result, if it is none beyond reason, and `fill` has as many channels."""
        check_channels("fill", self.fill, shape)
        result = super().output_shape(shape)
        return result_shape(self.size_field, result[0], result[1], shape[2:])

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return `dtype`, if `fill` is in its range."""
        check_range("fill", self.fill, dtype)
        return super().output_dtype(dtype)


@dataclasses.dataclass(frozen=True)
class WarpAffine(Warping):
    """The image seen through a matrix; see `warp_affine`."""

    matrix: Matrix
    width: int | None = None
    height: int | None = None
    resample: Interpolation = "bilinear"
    border: Border = "constant"
    alpha: Alpha = "weighted"
    fill: Color = 0

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        object.__setattr__(self, "matrix", _checked_matrix(self.matrix))
        for field in ("width", "height"):
            value = getattr(self, field)
            if value is not None:
                meaning = "; leave it out for that of the image"
                object.__setattr__(self, field, integer(field, value, 1, MAX_SIDE, meaning))
        one_of("border", self.border, BORDERS)
        self._check()

    def made_for(self, shape: Shape) -> Operation:
        """Return what becomes of images of the size that `shape` has."""
        source = shape[0], shape[1]
        size = self.height or source[0], self.width or source[1]
        places = kernel_places("matrix", places_of(self.matrix), size, self.resample)
        return Warped(size, places, source, self.resample, self.border, self.alpha, self.fill)

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image are in the result, from the corner of its first pixel."""
        (a, b, c), (d, e, f) = self.matrix
        return (a, b, c + (1 - a - b) / 2, d, e, f + (1 - d - e) / 2)


@dataclasses.dataclass(frozen=True)
class Rotate(Warping):
    """A turn by any angle, counter-clockwise; see `rotate`."""

    degrees: float
    expand: bool = True
    resample: Interpolation = "bilinear"
    alpha: Alpha = "weighted"
    fill: Color = 0

    size_field: ClassVar[str] = "degrees"

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        meaning = ", counter-clockwise"
        degrees = number("degrees", self.degrees, -MOST_DEGREES, MOST_DEGREES, meaning)
        object.__setattr__(self, "degrees", degrees)
        if not isinstance(self.expand, bool):
            raise InvalidParameterError("expand", shown(self.expand), "true or false")
        self._check()

    @property
    def deep(self) -> bool:
        """Whether it takes images of more than 8 bits, too: it does where it computes nothing."""
        return super().deep or (self.expand and self.quarter_turns is not None)

    @property
    def quarter_turns(self) -> int | None:
        """How many quarter turns it is, if it is some whole number of them."""
        return int(self.degrees // QUARTER) if self.degrees % QUARTER == 0 else None

    def made_for(self, shape: Shape) -> Operation:
        """Return what becomes of images of the size that `shape` has."""
        source = shape[0], shape[1]
        if self.quarter_turns is not None:
            turn = Rotate90(self.quarter_turns)
            if self.expand or turn.output_shape(source) == source:
                return turn
        angle = cosine_and_sine(self.degrees)
        size = turned_size(*angle, source) if self.expand else source
        places = kernel_places("degrees", turned_places(*angle, source, size), size, self.resample)
        return Warped(size, places, source, self.resample, "constant", self.alpha, self.fill)

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image of `shape` are in the result: its centre is in the centre."""
        turned = self.of_size(shape)
        if isinstance(turned, Rotate90):
            return turned.mapping(shape)
        (height, width), (rows, columns) = shape[:2], turned.output_shape(shape)[:2]
        cosine, sine = (each / (1 << ANGLE_BITS) for each in cosine_and_sine(self.degrees))
        c = (columns - cosine * width - sine * height) / 2
        f = (rows + sine * width - cosine * height) / 2
        return (cosine, sine, c, -sine, cosine, f)


def _checked_matrix(value: Any) -> Matrix:
    """Return a matrix of two rows and three columns, if it can be inverted."""
    size = NUM_ROWS, NUM_COLUMNS
    matrix = checked_matrix("matrix", value, lambda *sides: sides == size, "2×3", LARGEST)
    if determinant(matrix) == 0:
        expected = "one that can be inverted: this makes a line of all"
        raise InvalidParameterError("matrix", shown(matrix), expected)
    return matrix


@public(WarpAffine)
def warp_affine(
    image: ImageLike,
    matrix: ArrayLike,
    *,
    width: int | None = None,
    height: int | None = None,
    resample: Interpolation = "bilinear",
    border: Border = "constant",
    alpha: Alpha = "weighted",
    fill: Color = 0,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Turn, shear, scale and move an image by a matrix.

    The matrix ``[[a, b, c], [d, e, f]]`` leads from the image to the result: what is at column x and row y of
    the image is at ``a x + b y + c`` and ``d x + e y + f`` of the result. That is as OpenCV's `warpAffine`
    has it without `WARP_INVERSE_MAP`, and so is where pixels are: the centre of the first is at 0, 0. The
    matrices of its `getRotationMatrix2D` and `estimateAffine2D` do here what they do there.

    Each pixel of the result is taken from its place in the image. The inverse is computed exactly, and its
    six numbers are rounded to multiples of 2**-32, so that the place of a pixel ``(x, y)`` is good to
    ``(x + y + 1) 2**-33`` of a pixel; all that follows is computed with integers.

    ``nearest`` takes the pixel at ``floor(place + 1/2)``. For the others places are rounded to multiples of
    1/128, ties up. With weights for the pixels across and down, 2 or 4 each::

        result = clamp(floor(sum(down[t] * across[s] * image[t, s]) + 1/2), 0, 255)

    ``bilinear`` has the weights ``1 - f`` and ``f`` for a fraction f, exactly; those of ``bicubic`` are Keys'
    with a = -0.5, as `resize` has them (OpenCV's has -0.75), rounded to multiples of 2**-11, of which the
    nearer of the two in the middle gets what they lack of 1. The sum is exact, so the result is the same at
    any number of threads and on any CPU. All pixels of the image have a part in the result only where it is
    not smaller: before a scale well below 1, use `resize`.

    Channels are computed each by itself; but of RGBA, if the filter is not nearest, colours are weighted by
    alpha, again with exact sums::

        a = clamp(floor(sum(w * alpha) + 1/2), 0, 255)
        c = clamp(floor(sum(w * alpha * c) / sum(w * alpha) + 1/2), 0, 255), and 0 where a is 0

    So has a `fill` whose alpha is 0 no colour.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides, and for ``nearest`` also of uint16 or float32; or another image that `imgsvc.process`
        takes.
    matrix : array_like, shape (2, 3)
        Finite numbers; the first two columns can be inverted.
    width, height : int, optional
        Columns and rows of the result, from 1; by default those of the image.
    resample : {"nearest", "bilinear", "bicubic"}
        How pixels are computed from those around their places.
    border : {"constant", "replicate", "reflect", "reflect101", "wrap"}
        What is seen outside of the image, as for `pad`.
    alpha : {"weighted", "channel"}
        As for `mean_filter`.
    fill : number, sequence of numbers or str
        The colour of the constant border, as for `pad`; of RGBA a single 0 is transparent.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of the image's dtype, shape (height, width) and the image's channels
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or a parameter is none of these, `matrix` cannot be inverted, a pixel of the
        result would come from more than 1073741823 columns or rows beside the first of the image, or the
        result would be beyond reason.

    Examples
    --------
    >>> warp_affine(np.array([[10, 20, 30]], np.uint8), [[1, 0, 1], [0, 1, 0]])
    array([[ 0, 10, 20]], dtype=uint8)
    >>> warp_affine(np.array([[10, 20, 30]], np.uint8), [[1, 0, 0.5], [0, 1, 0]], border="replicate")
    array([[10, 15, 25]], dtype=uint8)
    """
    operation = made(WarpAffine, matrix, width, height, resample, border, alpha, fill)
    return operation(image, out=out, num_threads=num_threads)


@public(Rotate)
def rotate(
    image: ImageLike,
    degrees: float,
    *,
    expand: bool = True,
    resample: Interpolation = "bilinear",
    alpha: Alpha = "weighted",
    fill: Color = 0,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Rotate by any angle, counter-clockwise around the centre.

    With c and s for the cosine and the sine of the angle, and pixels counted from the centres of the image
    and the result, ``(W - 1) / 2`` and ``(H - 1) / 2``, the pixel ``(x, y)`` of the result has its place at
    ``(c x - s y, s x + c y)``; what it is made of, `warp_affine` says. c and s are rounded to multiples of
    2**-32 after they have been computed with integers, the same on every machine.

    The result of `expand` holds the whole image, each pixel of which is a square of side 1::

        width = ceil(W abs(c) + H abs(s)), height = ceil(W abs(s) + H abs(c))

    with c and s good to 2**-64, and the sums rounded to multiples of 2**-32 first. Multiples of 90 degrees
    give what `rotate90` does.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides, and for ``nearest``, or where quarter turns expand, also of uint16 or float32; or another
        image that `imgsvc.process` takes.
    degrees : float
        The angle, from -1000000 to 1000000; negative is clockwise.
    expand : bool
        Whether the result is as large as the turned image; otherwise it has the image's size, and corners are
        cut off.
    resample : {"nearest", "bilinear", "bicubic"}
        As for `warp_affine`.
    alpha : {"weighted", "channel"}
        As for `mean_filter`.
    fill : number, sequence of numbers or str
        The colour of what is beside the turned image, as for `pad`; of RGBA a single 0 is transparent.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of the image's dtype, of the result's size and the image's channels
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or a parameter is none of these, or the result would be beyond reason.

    Examples
    --------
    >>> rotate(np.array([[1, 2, 3]], np.uint8), 90)
    array([[3],
           [2],
           [1]], dtype=uint8)
    >>> rotate(np.full((2, 2), 200, np.uint8), 45, fill=100)
    array([[109, 162, 109],
           [162, 200, 162],
           [109, 162, 109]], dtype=uint8)
    """
    operation = made(Rotate, degrees, expand, resample, alpha, fill)
    return operation(image, out=out, num_threads=num_threads)
