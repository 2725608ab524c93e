"""Gaussian blur, and sharpening by what it takes away."""

from __future__ import annotations

import dataclasses
import decimal
import functools
import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imgsvc import _dispatch
from imgsvc.operations.alpha import ALPHAS, Alpha, is_weighted, with_alpha
from imgsvc.operations.borders import BORDERS, Border
from imgsvc.operations.operation import SameShape, made, public
from imgsvc.operations.parameters import number, one_of
from imgsvc.operations.scratch import channels_of, for_threads
from imgsvc.operations.tables import EXACTLY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop

LEAST_SIGMA, MOST_SIGMA = 0.1, 50.0
TRUNCATE = 3.5
"""The weights end at this many standard deviations; beyond lie 0.05 % of them all."""

LARGEST_SHORT_SIGMA = 4.0
SHORT_BITS, LONG_BITS = 15, 17
"""Weights are integers over 2 to that power."""

MOST_AMOUNT = 100.0

# Of ``kernels/gaussian.pxd``: elements of a row at a time, and the same where the window is high; rows that
# are finished together, what rows are padded to, and int16 of a cache line.
TILE, LONG_TILE = 768, 512
BATCH, FOLD_LANES, LINE = 8, 16, 32


class Weights(NamedTuple):
    """One side of the weights, from the middle one, halved; for long sums as many as are even, with a 0."""

    values: NDArray[np.int16]
    radius: int
    long_sums: bool
    """Whether they are over 2**LONG_BITS, and their products are added up before they are rounded."""


@functools.lru_cache(maxsize=64)
def weights_of(sigma: float) -> Weights:
    """Return the weights for a standard deviation; both sides together are exactly 1.

    The C library's exp has another last bit on other CPUs; decimal is the same everywhere.
    """
    radius = math.ceil(TRUNCATE * sigma)
    long_sums = sigma > LARGEST_SHORT_SIGMA
    side_total = 1 << ((LONG_BITS if long_sums else SHORT_BITS) - 1)
    with decimal.localcontext(EXACTLY):
        step = decimal.Decimal(-1) / (2 * decimal.Decimal(sigma) ** 2)
        side = [decimal.Decimal("0.5"), *((step * k * k).exp() for k in range(1, radius + 1))]
        # From the outside in: what has been rounded away so far is made up for by the next one.
        sums = list(itertools.accumulate(reversed(side), initial=decimal.Decimal(0)))
        rounded = [round(total * side_total / sums[-1]) for total in sums]
    values = [after - before for before, after in itertools.pairwise(rounded)][::-1]
    if long_sums and len(values) % 2:
        values.append(0)
    return Weights(np.array(values, np.int16), radius, long_sums)


def cost(shape: Shape, sigma: float, alpha: Alpha) -> int:
    """Return the bytes with those around them, five times, and once more for each quarter of sigma.

    Eleven times, and a little less for sigma, where sums do not fit 16 bits; twice more where colours are
    weighted.
    """
    reach = 2 * math.ceil(TRUNCATE * sigma)
    times = 5 + math.ceil(4 * sigma) if sigma <= LARGEST_SHORT_SIGMA else 11 + math.ceil(3.5 * sigma)
    times += 2 * is_weighted(alpha, shape)
    return (shape[0] + reach) * (shape[1] + reach) * math.prod(shape[2:]) * times


def scratch_bytes(shape: Shape, sigma: float, num_threads: int) -> int:
    """Return the bytes of the rows under the window and of eleven more, for each thread."""
    # Without the weights themselves, which take far longer: a plan asks for hundreds of sigmas.
    radius, long_sums = math.ceil(TRUNCATE * sigma), sigma > LARGEST_SHORT_SIGMA
    num_weights = radius + 1 + (long_sums and (radius + 1) % 2)
    channels = channels_of(shape)
    columns = min(shape[1], (LONG_TILE if long_sums else TILE) // channels)
    lines = ((columns + 2 * radius) * channels + FOLD_LANES) // LINE + 1
    pitch = (lines | 1) * LINE
    rows = 2 * radius + BATCH + 3
    return for_threads(2 * rows * pitch + 8 * 4 * num_weights, num_threads)


@dataclasses.dataclass(frozen=True)
class GaussianBlur(SameShape):
    """A mean weighted by a Gaussian; see `gaussian_blur`."""

    sigma: float
    border: Border = "reflect101"
    alpha: Alpha = "weighted"

    def __post_init__(self) -> None:
        """Check the parameters."""
        object.__setattr__(self, "sigma", number("sigma", self.sigma, LEAST_SIGMA, MOST_SIGMA))
        one_of("border", self.border, BORDERS)
        one_of("alpha", self.alpha, ALPHAS)

    def cost(self, shape: Shape) -> int:
        """Return what a filter of that width costs."""
        return cost(shape, self.sigma, self.alpha)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether sums fit 16 bits, and whether colours are weighted."""
        name = self.name if self.sigma <= LARGEST_SHORT_SIGMA else f"{self.name} of long sums"
        return with_alpha(name, self.alpha, shape)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return what a filter of that width takes."""
        return scratch_bytes(shape, self.sigma, num_threads)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        weighted = is_weighted(self.alpha, shape)
        return _dispatch.kernels().GaussianBlur(*weights_of(self.sigma), BORDERS[self.border], weighted)


@dataclasses.dataclass(frozen=True)
class Sharpen(SameShape):
    """An unsharp mask; see `sharpen`."""

    sigma: float = 1.0
    amount: float = 1.0
    threshold: float = 0.0
    border: Border = "reflect101"
    alpha: Alpha = "weighted"

    def __post_init__(self) -> None:
        """Check the parameters."""
        object.__setattr__(self, "sigma", number("sigma", self.sigma, LEAST_SIGMA, MOST_SIGMA))
        object.__setattr__(self, "amount", number("amount", self.amount, 0, MOST_AMOUNT))
        object.__setattr__(self, "threshold", number("threshold", self.threshold, 0, 255))
        one_of("border", self.border, BORDERS)
        one_of("alpha", self.alpha, ALPHAS)

    def cost(self, shape: Shape) -> int:
        """Return what a filter of that width costs."""
        return cost(shape, self.sigma, self.alpha)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether sums fit 16 bits, and whether colours are weighted."""
        name = self.name if self.sigma <= LARGEST_SHORT_SIGMA else f"{self.name} of long sums"
        return with_alpha(name, self.alpha, shape)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return what a filter of that width takes."""
        return scratch_bytes(shape, self.sigma, num_threads)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().Sharpen(
            *weights_of(self.sigma),
            BORDERS[self.border],
            is_weighted(self.alpha, shape),
            self.amount,
            math.floor(self.threshold * 64) / 64,  # as differences are; a float32 might be above it
        )


@public(GaussianBlur)
def gaussian_blur(
    image: ImageLike,
    sigma: float,
    *,
    border: Border = "reflect101",
    alpha: Alpha = "weighted",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Blur by a Gaussian.

    ``result[y, x] = sum(w[j] * w[i] * image[y + j, x + i])`` over all i and j from -r to r, where ``w[k]`` is
    in proportion to ``exp(-k**2 / (2 * sigma**2))``, all w together are 1, and r is ``ceil(3.5 * sigma)``.
    Each channel is computed by itself; but colours of RGBA are weighted by alpha.

    The arithmetic is exact, in integers. The sums are taken along the rows and rounded to multiples of 1/64,
    then along the columns and rounded to such again, and then to integers; the first two with ties up, the
    last with ties to even. Up to sigma 4 a pair of pixels on either side is added up and multiplied by its
    weight, a multiple of 2**-15, and each product is rounded (the pixel in the middle counts as a pair of
    half the weight); above, weights are multiples of 2**-17, and only the sum is rounded. The result is the
    same at any number of threads and on any CPU.

    Where colours are weighted, what is blurred like that is ``c * alpha / 255`` of each, rounded to multiples
    of 1/64 (there are no ties). Where blurred alpha, in such multiples too, is A, and 255 everywhere would be
    O (255 * 64, but for 3 that the roundings make of it), each blurred colour is multiplied by ``O / A``,
    quotient and product in float32, before it is rounded to integers; it is 0 where alpha becomes 0, which is
    up to A = 32. So a window that is opaque gives the same colours as RGB.

    Before the last rounding the difference from the sum with real weights is below ``(r + 1) / 32`` up to
    sigma 4 and below ``1/64 + (r + 1) / 256`` above, by a bound for any image; photos and noise meet 0.06. A
    Gaussian that did not end at r would differ by another 0.24 at most. Of weighted colours it is below three
    times that and 1/128, times ``O / A``.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    sigma : float
        The standard deviation in pixels, 0.1 to 50.
    border : {"constant", "replicate", "reflect", "reflect101", "wrap"}
        What is seen outside the image: ``constant`` is 0, and opaque where colours are weighted by alpha; the
        others see to the right of ``abcd``: ``ddd``, ``dcb``, ``cba``, ``abc``.
    alpha : {"weighted", "channel"}
        As for `mean_filter`.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `sigma` or `border` is none of these.

    Examples
    --------
    >>> gaussian_blur(np.array([[0, 0, 255, 0, 0]], np.uint8), sigma=1)
    array([[ 28,  63, 102,  63,  28]], dtype=uint8)
    """
    return made(GaussianBlur, sigma, border, alpha)(image, out=out, num_threads=num_threads)


@public(Sharpen)
def sharpen(
    image: ImageLike,
    *,
    sigma: float = 1.0,
    amount: float = 1.0,
    threshold: float = 0.0,
    border: Border = "reflect101",
    alpha: Alpha = "weighted",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Sharpen by an unsharp mask: exaggerate what a blur takes away.

    ``result[y, x] = image[y, x] + amount * d``, clamped to 0..255 and rounded to nearest, ties to even, where
    d is ``image[y, x] - blurred[y, x]`` if its absolute value is above `threshold`, and otherwise 0.
    ``blurred`` is that of `gaussian_blur`, but left at multiples of 1/64; `amount` is rounded to float32, and
    so are the product and the sum; `threshold` is rounded down to such multiples. Each channel is computed by
    itself; but colours of RGBA are weighted by alpha: theirs are the blurred ones of `gaussian_blur`, in
    float32 and before they are rounded, d is 0 where its alpha is 0, and they are 0 where that of the result
    is. Alpha is sharpened too, by its own differences; its blur is that of `gaussian_blur` times
    ``255 * 64 / O``, in float32, so that what is opaque stays so. The result is the same at any number of
    threads and on any CPU.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    sigma : float
        The blur's standard deviation in pixels, 0.1 to 50: the size of what is sharpened.
    amount : float
        0 to 100; 1 doubles the differences. (Pillow's ``percent`` is 100 times that.)
    threshold : float
        Differences up to this many levels are left alone, 0 to 255.
    border : {"constant", "replicate", "reflect", "reflect101", "wrap"}
        As for `gaussian_blur`.
    alpha : {"weighted", "channel"}
        As for `mean_filter`; for ``"channel"`` the blur of alpha is that of `gaussian_blur` itself.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or a parameter is out of range.

    Examples
    --------
    >>> sharpen(np.array([[100, 100, 120, 120]], np.uint8), sigma=1)
    array([[ 98,  94, 126, 122]], dtype=uint8)
    """
    operation = made(Sharpen, sigma, amount, threshold, border, alpha)
    return operation(image, out=out, num_threads=num_threads)
