"""The mean of a neighbourhood."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from imgsvc import _dispatch
from imgsvc.operations.alpha import ALPHAS, Alpha, is_weighted, with_alpha
from imgsvc.operations.borders import BORDERS, Border
from imgsvc.operations.operation import SameShape, made, public
from imgsvc.operations.parameters import integer, one_of
from imgsvc.operations.scratch import channels_of, for_threads

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop

MAX_RADIUS = 1500
"""Beyond 1771 the sum over some square cannot be divided by a multiplication of 32 bits."""

MAX_NARROW_RADIUS = 7
"""The sum over a larger square may not fit 16."""

# Of ``kernels/box.pxd``: elements of a row at a time, what scratch rows are a multiple of, and their number,
# also where colours are weighted by alpha.
TILE, LANES, SCRATCH_ROWS, WEIGHTED_SCRATCH_ROWS = 2048, 64, 2, 3


@dataclasses.dataclass(frozen=True)
class MeanFilter(SameShape):
    """The mean over the 3×3 neighbourhood; see `mean_filter`."""

    alpha: Alpha = "weighted"

    def __post_init__(self) -> None:
        """Check the parameters."""
        one_of("alpha", self.alpha, ALPHAS)

    def cost(self, shape: Shape) -> int:
        """Return twice the bytes, or four times where colours are weighted."""
        return (4 if is_weighted(self.alpha, shape) else 2) * math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether colours are weighted."""
        return with_alpha(self.name, self.alpha, shape)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().MeanFilter(is_weighted(self.alpha, shape))


@dataclasses.dataclass(frozen=True)
class BoxBlur(SameShape):
    """The mean over a square; see `box_blur`."""

    radius: int
    border: Border = "reflect101"
    alpha: Alpha = "weighted"

    def __post_init__(self) -> None:
        """Check the parameters."""
        object.__setattr__(self, "radius", integer("radius", self.radius, 0, MAX_RADIUS))
        one_of("border", self.border, BORDERS)
        one_of("alpha", self.alpha, ALPHAS)

    def cost(self, shape: Shape) -> int:
        """Return the bytes with those around them, four times, or eight where sums do not fit 16 bits.

        Where colours are weighted, eight or ten times.
        """
        pixels = (shape[0] + 2 * self.radius) * (shape[1] + 2 * self.radius)
        narrow, wide = (8, 10) if is_weighted(self.alpha, shape) else (4, 8)
        return (narrow if self.radius <= MAX_NARROW_RADIUS else wide) * pixels * math.prod(shape[2:])

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether sums fit 16 bits, and whether colours are weighted."""
        if self.radius == 0:
            return "copy"
        name = "box_blur" if self.radius <= MAX_NARROW_RADIUS else "box_blur of wide sums"
        return with_alpha(name, self.alpha, shape)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return the bytes of two or three rows of a chunk and its surroundings, for each thread."""
        if self.radius == 0:
            return 0
        channels = channels_of(shape)
        columns = min(shape[1], max(TILE // channels, 2 * (2 * self.radius + 1)))
        pitch = ((columns + 2 * self.radius) * channels // LANES + 1) * LANES
        if is_weighted(self.alpha, shape):
            rows = WEIGHTED_SCRATCH_ROWS * pitch * 4
        else:
            rows = SCRATCH_ROWS * pitch * (2 if self.radius <= MAX_NARROW_RADIUS else 4)
        return for_threads(rows + 8 * 2 * self.radius, num_threads)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        if self.radius == 0:
            return _dispatch.kernels().Copy()
        division = division_by((2 * self.radius + 1) ** 2)
        weighted = is_weighted(self.alpha, shape)
        return _dispatch.kernels().BoxBlur(self.radius, *division, BORDERS[self.border], weighted)


class Division(NamedTuple):
    """How to divide by multiplying: ``(sum + divisor // 2) * multiplier >> shift``."""

    multiplier: int
    shift: int
    narrow: bool
    """Whether sum and multiplier fit 16 bits, otherwise 32."""


@functools.cache
def division_by(divisor: int) -> Division:
    """Return how to divide, to nearest, a sum of `divisor` (an odd number) pixels; there are no ties.

    With e = multiplier * divisor - 2**shift the product is too large by sum * e / (divisor * 2**shift); the
    quotient's integer part is right as long as that is less than 1 / divisor.
    """
    largest = 255 * divisor + divisor // 2
    for bits in (16, 32):
        for shift in range(bits, 2 * bits):
            multiplier = -(-(1 << shift) // divisor)
            error = multiplier * divisor - (1 << shift)
            if max(largest, multiplier) < 1 << bits and largest * error < 1 << shift:
                return Division(multiplier, shift, bits == 16)
    raise AssertionError(f"{divisor} is beyond MAX_RADIUS")


@public(MeanFilter)
def mean_filter(
    image: ImageLike,
    *,
    alpha: Alpha = "weighted",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Replace each pixel by the mean of its 3×3 neighbourhood.

    ``result[y, x] = sum(N) // len(N)``, where ``N`` holds the pixel at ``(y, x)`` and those of its eight
    neighbours that lie inside the image: 9 values, 6 along an edge, 4 at a corner, fewer in images of one
    row or column. Channels are computed each by itself; but colours of RGBA are weighted by alpha::

        a = sum(alpha) // len(N)
        c = sum(alpha * c) // sum(alpha), and 0 where a is 0

    The result is exact, and the same at any number of threads and on any CPU. This is MeanFilter of the
    NLImageService contract, which has no images with alpha.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    alpha : {"weighted", "channel"}
        Of RGBA: whether colours are weighted by alpha, so that those of pixels that cannot be seen have no
        part in others, or alpha is a channel like the others.
    out : ndarray of uint8, optional
        Where to write the result: of the image's shape, C-contiguous, not sharing memory with it.
    num_threads : int, optional
        Threads to use at most, 1 to 256; an image so small that they would wake up too late gets fewer. By
        default every core that the process may run on.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError
        Another dtype or rank, an empty image, or an `out` that does not fit.
    InvalidParameterError
        `alpha` is none of these, or `num_threads` is out of range.

    Examples
    --------
    >>> image = np.array([[13, 14, 15], [11, 12, 13], [7, 8, 9]], np.uint8)
    >>> mean_filter(image)
    array([[12, 13, 13],
           [10, 11, 11],
           [ 9, 10, 10]], dtype=uint8)
    >>> mean_filter(np.array([[[255, 255, 0, 255], [0, 0, 255, 0]]], np.uint8))[0, 0]
    array([255, 255,   0, 127], dtype=uint8)
    """
    return made(MeanFilter, alpha)(image, out=out, num_threads=num_threads)


@public(BoxBlur)
def box_blur(
    image: ImageLike,
    radius: int,
    *,
    border: Border = "reflect101",
    alpha: Alpha = "weighted",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Replace each pixel by the mean over a square around it.

    ``result[y, x] = round(sum(image[y + j, x + i]) / (2 * radius + 1)**2)`` over all i and j from -radius to
    radius, rounded to nearest (there are no ties). Each channel is computed by itself; but colours of RGBA
    are weighted by alpha::

        c = round(sum(alpha * c) / sum(alpha)), ties up, and 0 where alpha becomes 0

    The result is exact, takes about as long for any radius from 8 on, and is the same at any number of
    threads and on any CPU. `mean_filter` is the one of radius 1 that takes the mean of those neighbours that
    exist, and rounds down.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    radius : int
        0 to 1500; 0 makes a copy, and the square may be larger than the image.
    border : {"constant", "replicate", "reflect", "reflect101", "wrap"}
        What is seen outside the image: ``constant`` is 0, and opaque where colours are weighted by alpha; the
        others see to the right of ``abcd``: ``ddd``, ``dcb``, ``cba``, ``abc``.
    alpha, out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `radius` or `border` is none of these.

    Examples
    --------
    >>> box_blur(np.array([[0, 90, 0, 0]], np.uint8), 1, border="replicate")
    array([[30, 30, 30,  0]], dtype=uint8)
    """
    return made(BoxBlur, radius, border, alpha)(image, out=out, num_threads=num_threads)
