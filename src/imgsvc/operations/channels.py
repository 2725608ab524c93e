"""Operations in which a pixel of the result depends on all channels of that pixel of the image."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc import _dispatch
from imgsvc.operations.colors import LUMA, LUMA_BITS, Color, checked_rgb, levels_of
from imgsvc.operations.matrices import checked_matrix
from imgsvc.operations.operation import Operation, SameShape, made, public
from imgsvc.operations.parameters import number
from imgsvc.operations.scratch import channels_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.matrices import Matrix

RGB, RGBA = 3, 4
WHITE = "#ffffff"

LARGEST = 2.0**20
"""Of what is in a matrix: sums are then far from what an int32 can hold."""


class Mixing(Operation):
    """An operation that mixes colours by a matrix."""

    def cost(self, shape: Shape) -> int:
        """Return four times the bytes of the result."""
        return 4 * math.prod(self.output_shape(shape))


@dataclasses.dataclass(frozen=True)
class Saturation(Mixing, SameShape):
    """More or less colour; see `saturation`."""

    amount: float

    def __post_init__(self) -> None:
        """Check `amount`."""
        object.__setattr__(self, "amount", number("amount", self.amount, 0, 100))

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether there are colours."""
        return ColorMatrix.name if channels_of(shape) > 1 else "copy"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        kernels = _dispatch.kernels()
        return kernels.Copy() if channels_of(shape) == 1 else kernels.ColorMatrix(saturating(self.amount))


@dataclasses.dataclass(frozen=True)
class ColorMatrix(Mixing):
    """Colours mixed by a matrix; see `color_matrix`."""

    matrix: Matrix

    def __post_init__(self) -> None:
        """Check the matrix, and keep it as a tuple of rows."""
        matrix = checked_matrix(
            "matrix",
            self.matrix,
            lambda rows, columns: rows == RGB and columns in {3, 4},
            "3×3 or 3×4",
            LARGEST,
        )
        object.__setattr__(self, "matrix", matrix)

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, in colour."""
        return (*shape[:2], max(channels_of(shape), RGB))

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().ColorMatrix(
            np.array([[*row, 0.0][:4] for row in self.matrix], np.float32).ravel()
        )


@dataclasses.dataclass(frozen=True)
class Flatten(Operation):
    """The image without alpha, over a colour; see `flatten`."""

    background: Color = WHITE

    def __post_init__(self) -> None:
        """Check `background`, which is one for every image."""
        object.__setattr__(self, "background", checked_rgb("background", self.background))

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, without alpha."""
        return (*shape[:2], RGB) if channels_of(shape) == RGBA else shape

    def cost(self, shape: Shape) -> int:
        """Return the bytes."""
        return math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether there is alpha."""
        return self.name if channels_of(shape) == RGBA else "copy"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        kernels = _dispatch.kernels()
        if channels_of(shape) != RGBA:
            return kernels.Copy()
        return kernels.Flatten(np.array(levels_of(self.background, RGB, dtype), dtype).tobytes())


@functools.lru_cache(maxsize=64)
def saturating(amount: float) -> NDArray[np.float32]:
    """Return the matrix of `saturation`, with nothing added, row after row."""
    gray = np.array([*LUMA, 0.0]) / (1 << LUMA_BITS)
    matrix = (1 - amount) * gray + amount * np.eye(RGB, RGBA)
    return matrix.astype(np.float32).ravel()


@public(Saturation)
def saturation(
    image: ImageLike, amount: float, *, out: Image | None = None, num_threads: int | None = None
) -> Image:
    """Make colours stronger or weaker.

    ``result = gray + amount * (image - gray)`` for colours, with the gray of `grayscale` before it is
    rounded, ``(9798 * R + 19235 * G + 3735 * B) / 32768``: 0 is gray, 1 the image, and above 1 is more
    colourful. So are Pillow's ``ImageEnhance.Color`` and ``saturate`` of CSS filters, but for their grays:
    Pillow's is rounded, and CSS has the weights of BT.709. The alpha of (H, W, 4) stays as it is, and an
    image of one channel is copied.

    It is `color_matrix` with ``(1 - amount) * weight``, and `amount` more on the diagonal, computed as
    float64; see there for what is rounded, and how. So pixels that are gray stay as they are, 0 gives
    `grayscale`, and 1 gives the image.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; the channels in the order R, G, B, alpha; or another image that `imgsvc.process` takes.
    amount : float
        What differences from gray are multiplied by, 0 to 100.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `amount` is out of range.

    Examples
    --------
    >>> saturation(np.array([[[200, 100, 50], [90, 90, 90]]], np.uint8), 1.5)
    array([[[238,  88,  13],
            [ 90,  90,  90]]], dtype=uint8)
    """
    return made(Saturation, amount)(image, out=out, num_threads=num_threads)


@public(ColorMatrix)
def color_matrix(
    image: ImageLike, matrix: ArrayLike, *, out: Image | None = None, num_threads: int | None = None
) -> Image:
    """Mix red, green and blue by a matrix.

    ``result[..., i] = round(m[i][3] + m[i][0] * R + m[i][1] * G + m[i][2] * B)``, clamped to 0..255 and
    rounded to nearest, ties to even; ``m[i][3]`` is 0 for a matrix of three columns. The rows are those of
    Pillow's ``convert("RGB", matrix)``, OpenCV's ``transform`` and sharp's ``recomb``. Alpha stays as it is.
    A pixel of one channel counts as R = G = B, and the result has three.

    The arithmetic is float32: the matrix is rounded to it, and so is, beginning with ``m[i][3]``, each
    product and each sum, in that order. Before rounding the result differs from that of real numbers by at
    most ``3 * 2**-23 * S``, where S is ``abs(m[i][3]) + 255 * (abs(m[i][0]) + abs(m[i][1]) + abs(m[i][2]))``:
    after it, while that is below 1/2, by 1 at most, where the ideal value is so close to a half. It is the
    same at any number of threads and on any CPU.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; the channels in the order R, G, B, alpha; or another image that `imgsvc.process` takes.
    matrix : array_like of float, shape (3, 3) or (3, 4)
        A row for each colour of the result: the weights of R, G and B, and the levels to add, if any; each
        from -2**20 to 2**20.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3) or (H, W, 4)
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `matrix` is none of these.

    Examples
    --------
    >>> swapped = [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    >>> color_matrix(np.array([[[200, 100, 50, 7]]], np.uint8), swapped)
    array([[[ 50, 100, 200,   7]]], dtype=uint8)
    >>> color_matrix(np.array([[100]], np.uint8), [[1.1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.9, -5]])
    array([[[110, 100,  85]]], dtype=uint8)
    """
    return ColorMatrix(matrix)(image, out=out, num_threads=num_threads)  # type: ignore[arg-type] # it makes tuples


@public(Flatten)
def flatten(
    image: ImageLike,
    background: Color = WHITE,
    *,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Put an image over a colour, and leave alpha out.

    ``result = (image * alpha + background * (255 - alpha)) / 255`` for colours, rounded to nearest (there are
    no ties). This is what formats without alpha get, with the output's `background`. An image without alpha
    is copied.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; the channels in the order R, G, B, alpha; or another image that `imgsvc.process` takes.
    background : int, sequence of three int or str
        A level for all colours or one for each, 0 to 255, or ``#rgb``, ``#rrggbb`` or a name of CSS; white by
        default, as that of outputs is (sharp's is black). An alpha that it has is left out.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3), or the image's where it has no alpha
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `background` is no such colour.

    Examples
    --------
    >>> flatten(np.array([[[200, 100, 50, 255], [200, 100, 50, 51]]], np.uint8), "black")
    array([[[200, 100,  50],
            [ 40,  20,  10]]], dtype=uint8)
    """
    operation = made(Flatten, background)
    return operation(image, out=out, num_threads=num_threads)
