"""Convolution with any weights."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imgsvc import _dispatch
from imgsvc.operations.alpha import ALPHAS, Alpha, is_weighted, with_alpha
from imgsvc.operations.borders import BORDERS, Border
from imgsvc.operations.matrices import checked_matrix
from imgsvc.operations.operation import SameShape, public
from imgsvc.operations.parameters import number, one_of
from imgsvc.operations.scratch import channels_of, for_threads, rounded_up

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.matrices import Matrix as Weights

MAX_WINDOW = 31
LARGEST = 2.0**30
"""Of a weight and of the bias: sums of a window then stay far from what float32 can hold."""

SEPARABLE = 2.0**-22
"""How far, in units of the largest, weights may be from an outer product that is used in their place."""

LEAST_SUM = 2.0**-20
"""What weights come to together, in units of their absolute values', to be taken for more than 0."""

SECOND_PASS = 4
"""What a pass along the rows costs beside its taps, in taps."""

# Of ``kernels/convolution.pxd``: elements of a row at a time, and what rows of floats are a multiple of.
TILE, ALIGNED = 768, 16


@dataclasses.dataclass(frozen=True)
class Convolve(SameShape):
    """A weighted sum over a window; see `convolve`."""

    weights: Weights
    bias: float = 0.0
    border: Border = "reflect101"
    alpha: Alpha = "weighted"

    def __post_init__(self) -> None:
        """Check the weights, and keep them as tuples of rows."""
        object.__setattr__(self, "weights", checked_weights(self.weights))
        object.__setattr__(self, "bias", number("bias", self.bias, -LARGEST, LARGEST))
        one_of("border", self.border, BORDERS)
        one_of("alpha", self.alpha, ALPHAS)

    def cost(self, shape: Shape) -> int:
        """Return the bytes, three times, once more for every three taps, and where colours are weighted."""
        plan = taps_of(self.weights)
        return math.prod(shape) * (3 + self._is_weighted(shape) + (len(plan.weights) + len(plan.across)) // 3)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether it takes one pass or two, and whether colours are weighted."""
        name = "convolve in two passes" if len(taps_of(self.weights).across) else "convolve"
        return with_alpha(name, "weighted" if self._is_weighted(shape) else "channel", shape)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return the bytes of the rows under the window as floats and of three more, for each thread."""
        height, width = len(self.weights), len(self.weights[0])
        plan = taps_of(self.weights)
        channels = channels_of(shape)
        pitch = rounded_up((min(shape[1], TILE // channels) + width) * channels, ALIGNED)
        pointers = max(len(plan.weights), len(plan.across)) + height
        return for_threads(4 * (height + 3) * pitch + 8 * pointers, num_threads)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        height, width = len(self.weights), len(self.weights[0])
        return _dispatch.kernels().Convolve(
            height,
            width,
            *taps_of(self.weights),
            self.bias,
            BORDERS[self.border],
            self._is_weighted(shape),
        )

    def _is_weighted(self, shape: Shape) -> bool:
        """Return whether colours are weighted by alpha: where the sums are means, but for a factor."""
        return is_weighted(self.alpha, shape) and self.bias == 0 and are_positive(self.weights)


class Taps(NamedTuple):
    """How the weights are applied: where the taps of the first pass are, and the second pass's weights."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    weights: NDArray[np.float32]
    across: NDArray[np.float32]


def checked_weights(weights: Any) -> Weights:
    """Return weights as a tuple of rows.

    Raises
    ------
    InvalidParameterError
        They are no matrix of finite numbers, or too many or too large.
    """
    sizes = f"1×1 to {MAX_WINDOW}×{MAX_WINDOW}"
    return checked_matrix("weights", weights, lambda *sides: max(sides) <= MAX_WINDOW, sizes, LARGEST)


@functools.lru_cache(maxsize=64)
def taps_of(weights: Weights) -> Taps:
    """Return how to apply `weights`: as they are, or as a column and a row where that is less work."""
    matrix = np.array(weights)
    column, row = outer_factors(matrix)
    is_outer = np.abs(np.multiply.outer(column, row) - matrix).max() <= SEPARABLE * np.abs(matrix).max()
    if is_outer and len(column) + len(row) + SECOND_PASS < np.count_nonzero(matrix):
        matrix, across = column[:, np.newaxis], row
    else:
        across = np.empty(0)
    rows, columns = map(np.ascontiguousarray, np.nonzero(matrix.astype(np.float32)))
    if not len(rows):
        rows = columns = np.zeros(1, np.int64)
    weights_there = matrix[rows, columns].astype(np.float32)
    return Taps(rows, columns, weights_there, np.ascontiguousarray(across, np.float32))


@functools.lru_cache(maxsize=64)
def are_positive(weights: Weights) -> bool:
    """Return whether weights are together above 0, by more than what rounding leaves of sums that are 0."""
    every = [weight for row in weights for weight in row]
    return math.fsum(every) > LEAST_SUM * math.fsum(map(abs, every))


def outer_factors(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the column and the row that cross at the largest weight, the row in units of that weight."""
    peak_row, peak_column = np.unravel_index(np.abs(matrix).argmax(), matrix.shape)
    peak = matrix[peak_row, peak_column] or 1.0
    return matrix[:, peak_column], matrix[peak_row] / peak


@public(Convolve)
def convolve(
    image: ImageLike,
    weights: ArrayLike,
    *,
    bias: float = 0.0,
    border: Border = "reflect101",
    alpha: Alpha = "weighted",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Replace each pixel by the weighted sum of the pixels in a window around it.

    ``result[y, x] = round(bias + sum(weights[j, i] * image[y + j - kh // 2, x + i - kw // 2]))`` for all
    j < kh and i < kw, clamped to 0..255 and rounded to nearest, ties to even. Each channel is computed by
    itself; but colours of RGBA are weighted by alpha where bias is 0 and the weights are together above 0
    (by more than 2**-20 of their absolute values together, which roundings may leave of a sum of 0)::

        a = sum(w * alpha)
        c = sum(w * (c * (alpha / 255))) * (sum(w * 255) / a), and 0 where a rounds to 0

    with a as it is before it is clamped and rounded, and float32 for quotients and products too. Where all of
    a window is opaque that is the sum of RGB.

    The weights stand as they are seen over the image, as in OpenCV's ``filter2D`` and in
    `scipy.ndimage.correlate`, for even sizes too. `scipy.ndimage.convolve` does the same with
    ``weights[::-1, ::-1]`` and, along each axis of even size, ``origin=-1``; to do here what it does without
    `origin`, pass ``weights[::-1, ::-1]`` with a row or a column of zeros before them where their number is
    even.

    The arithmetic is float32: weights and bias are rounded to it, and so is, beginning with the bias, each
    product and each sum, row by row and from left to right; weights of 0 are passed over. Where the weights
    are the outer product of a column and a row (to within 2**-22 of the largest weight) and it is less work,
    the column through the largest weight is applied first, and then, with the bias, the row through it,
    divided by it. Before rounding the result differs from that of real numbers by at most
    ``(kh * kw + 2) * 2**-23 * S``, where S is ``abs(bias) + 255 * sum(abs(weights))``, and twice that with a
    column and a row: after it, while that is below 1/2, by 1 at most, where the ideal value is so close to a
    half. It is the same at any number of threads and on any CPU.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    weights : array_like of float, shape (kh, kw)
        1×1 to 31×31, odd or even, each from -2**30 to 2**30.
    bias : float
        What is added to each sum, -2**30 to 2**30.
    border : {"constant", "replicate", "reflect", "reflect101", "wrap"}
        What the window sees outside the image: ``constant`` is 0, and opaque where colours are weighted by
        alpha; the others see to the right of ``abcd``: ``ddd``, ``dcb``, ``cba``, ``abc``.
    alpha : {"weighted", "channel"}
        As for `mean_filter`; other weights, and sums with a bias, always have it as a channel.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `weights`, `bias` or `border` are none of these.

    Examples
    --------
    >>> convolve(np.array([[10, 20, 40]], np.uint8), [[-1, 0, 1]], bias=100)
    array([[100, 130, 100]], dtype=uint8)
    """
    operation = Convolve(weights, bias, border, alpha)  # type: ignore[arg-type] # it makes tuples of them
    return operation(image, out=out, num_threads=num_threads)
