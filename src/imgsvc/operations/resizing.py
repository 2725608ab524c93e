"""Other sizes."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any, Literal

from imgsvc import _dispatch
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import filters
from imgsvc.operations.alpha import ALPHAS, Alpha, is_weighted, with_alpha
from imgsvc.operations.operation import Operation, made, public
from imgsvc.operations.parameters import MAX_SIDE, integer, one_of, result_shape
from imgsvc.operations.scratch import channels_of, for_threads

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop

Resample = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
NEAREST = "nearest"
RESAMPLES = {name: name for name in (NEAREST, *filters.FILTERS)}

# Of ``kernels/resampling.pxd``: columns of the result in a chunk, bytes of a row of the source at a time,
# rows that are computed side by side, and floats of a cache line; rows of the source at a time whose colours
# are weighted by alpha.
TILE, STRIP, GROUP, LINE = 256, 1024, 16, 16
WEIGHTED_ROWS = 8

WIDE = 16
"""Rows of a window from which on the products outweigh all else."""

LONG = 100
"""Rows of a window, of a strip each, beyond what the first cache holds of them."""


@dataclasses.dataclass(frozen=True)
class Resize(Operation):
    """The image in another size; see `resize`."""

    width: int | None = None
    height: int | None = None
    resample: Resample = "bilinear"
    alpha: Alpha = "weighted"

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        if self.width is None and self.height is None:
            raise InvalidParameterError("width, height", None, "one of them at least")
        for field in ("width", "height"):
            value = getattr(self, field)
            if value is not None:
                meaning = ", or None to keep the aspect ratio"
                object.__setattr__(self, field, integer(field, value, 1, MAX_SIDE, meaning))
        one_of("resample", self.resample, RESAMPLES)
        one_of("alpha", self.alpha, ALPHAS)

    @property
    def deep(self) -> bool:
        """Whether it takes images of more than 8 bits, too: it does where it computes nothing."""
        return self.resample == NEAREST

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result, if its sizes are none beyond reason for an image of `shape`."""
        return _output_shape(self, shape)

    def taps_of(self, source: int, size: int) -> int:
        """Return how many pixels of an axis one of the result is made of, at most."""
        return 1 if self.resample == NEAREST else filters.most_taps(source, size, self.resample)

    def cost(self, shape: Shape) -> int:
        """Return half the bytes of both images, two thirds of the products, and what makes the tables.

        All of the products of rows, where a window's do not fit a first-level cache; and all of the bytes,
        where colours are weighted.
        """
        height, width = shape[:2]
        result = self.output_shape(shape)
        if self.resample == NEAREST:
            return self._nearest_cost(shape, channels_of(shape))
        tables = sum(map(filters.windows_cost, shape[:2], result[:2], [self.resample] * 2))
        taps = self.taps_of(height, result[0])
        of_rows = result[0] * math.prod(shape[1:]) * taps
        products = 2 * math.prod(result) * self.taps_of(width, result[1]) // 3
        products += of_rows if taps > LONG else 2 * of_rows // 3
        num_bytes = math.prod(shape) + math.prod(result)
        return (num_bytes if is_weighted(self.alpha, shape) else num_bytes // 2) + products + tables

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return the same for an image of `dtype`, whose tables are no longer."""
        if self.resample == NEAREST:
            return self._nearest_cost(shape, channels_of(shape) * dtype.itemsize)
        return self.cost(shape)

    def _nearest_cost(self, shape: Shape, pixel_bytes: int) -> int:
        result = self.output_shape(shape)[:2]
        # Where pixels are left out, each that is not comes with a line of the cache.
        gap = min(3 * (shape[1] // result[1]), LINE)
        return math.prod(result) * (2 * pixel_bytes + gap) + sum(map(filters.nearest_cost, result))

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:  # noqa: ARG002 - for no depth is it another
        """Return whether it computes, how many rows windows have, and whether colours are weighted."""
        result = self.output_shape(shape)
        if result[:2] == shape[:2]:
            return "copy"
        if self.resample == NEAREST:
            return "select"
        taps = self.taps_of(shape[0], result[0])
        name = "resample" + (" long windows" if taps > LONG else " wide windows" if taps > WIDE else "")
        return with_alpha(name, self.alpha, shape)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return the bytes of both axes' tables, of making them, and of sixteen rows for each thread."""
        result = self.output_shape(shape)
        taps = list(map(self.taps_of, shape[:2], result[:2]))
        making = max(map(filters.making_bytes, result[:2], taps))
        if self.resample == NEAREST:
            return self.table_bytes(shape) + making
        channels = channels_of(shape)
        strip = min(shape[1], STRIP // channels)
        pitch = (strip * channels // LINE + 2) * LINE
        sums = min(result[1], TILE) * channels * GROUP
        rows = GROUP + (WEIGHTED_ROWS if is_weighted(self.alpha, shape) else 0)
        scratch = 4 * (rows * pitch + strip * channels * GROUP + sums) + sums
        return self.table_bytes(shape) + making + for_threads(scratch, num_threads)

    def table_bytes(self, shape: Shape) -> int:
        """Return the bytes of both axes' tables."""
        result = self.output_shape(shape)[:2]
        if self.resample == NEAREST:
            return sum(map(filters.nearest_bytes, result))
        return sum(map(filters.windows_bytes, shape[:2], result, [self.resample] * 2))

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:  # noqa: ARG002 - for no depth is it another
        """Return what computes the result."""
        kernels = _dispatch.kernels()
        height, width = shape[:2]
        result = self.output_shape(shape)
        if result[:2] == shape[:2]:
            return kernels.Copy()
        if self.resample == NEAREST:
            return kernels.Select(filters.nearest(height, result[0]), filters.nearest(width, result[1]))
        return kernels.Resample(
            filters.windows(height, result[0], self.resample, stop),
            filters.windows(width, result[1], self.resample, stop),
            is_weighted(self.alpha, shape),
        )


@functools.lru_cache(maxsize=256)
def _output_shape(operation: Resize, shape: Shape) -> Shape:
    """Return the shape of the result, which is asked for several times in a call."""
    height, width = shape[:2]
    new_width = operation.width or _rounded(width * (operation.height or 1), height)
    new_height = operation.height or _rounded(height * (operation.width or 1), width)
    result = result_shape("width, height", new_height, new_width, shape[2:])
    for field, source, size in (("height", height, new_height), ("width", width, new_width)):
        taps = operation.taps_of(source, size)
        if taps > filters.MAX_TAPS or taps * size > filters.MAX_WEIGHTS:
            raise InvalidParameterError(
                field,
                f"{size} for an image of {field} {source}",
                f"one for which {operation.resample!r} needs at most {filters.MAX_TAPS} weights a pixel, "
                f"and {filters.MAX_WEIGHTS} in all",
            )
    return result


def _rounded(numerator: int, denominator: int) -> int:
    """Return the quotient rounded to nearest, ties to even, and at least 1."""
    quotient, rest = divmod(numerator, denominator)
    return max(quotient + (2 * rest + quotient % 2 > denominator), 1)


@public(Resize)
def resize(
    image: ImageLike,
    *,
    width: int | None = None,
    height: int | None = None,
    resample: Resample = "bilinear",
    alpha: Alpha = "weighted",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Make an image of another size.

    ``nearest`` takes pixels: ``result[y, x] = image[(2y + 1) H // 2h, (2x + 1) W // 2w]`` for an image of H
    rows and W columns and a result of h and w. The others weigh windows, of rows first and then of columns::

        rows[y, x] = sum(weights[y, t] * image[t, x] for t in window(y))
        result[y, x] = clamp(round(sum(weights[x, t] * rows[y, t] for t in window(x))), 0, 255)

    With ``scale = W / w``, ``stretch = max(1, scale)`` and ``centre = (x + 0.5) scale``, the window of
    column x is from ``floor(centre - support stretch + 0.5)`` to ``floor(centre + support stretch + 0.5)``,
    the latter excluded, as far as the image goes. The weights are ``filter((t + 0.5 - centre) / stretch)``,
    divided by their sum. So all pixels have a part in an image that is made smaller, which keeps it free of
    aliases, and one that is made larger is interpolated. Filters, windows and the arithmetic of both are
    Pillow's:

    ========  =======  =======================================
    filter    support
    ========  =======  =======================================
    box       0.5      1
    bilinear  1        1 - abs(x)
    bicubic   2        Keys' cubic convolution, with a = -0.5
    lanczos   3        sinc(x) sinc(x / 3)
    ========  =======  =======================================

    Weights are whole multiples of 2**-38, divided by their exact sum and rounded to float32. Sums are
    float32, from 0 in the order of the window, each product and each sum rounded by itself, and the last one
    to nearest, ties to even. The result differs from the real-valued one by at most 0.5 and 1/32768 for each
    weight of both windows; so an image of one colour stays as it is while these have less than 16384
    together. Nothing is ever NaN or infinite, since bytes and weights are not. The result is the same at any
    number of threads and on any CPU.

    Channels are computed each by itself; but of RGBA, if the filter is not nearest, colours are weighted by
    alpha. With ``sums`` for what both lines above do before rounding::

        a = sums(alpha)
        c = sums(c * (alpha / 255)) * (sums(255) / a), and 0 where a rounds to 0

    with float32 for quotients and products too. Where all of a window is opaque that is the sum of RGB.

    Pillow rounds and clamps to bytes between its passes, of columns first. It differs by one level at most,
    but for bicubic and lanczos beside edges between black and white, where weights below zero lead beyond
    both and it clamps them twice. It weights colours by alpha too, but with products rounded to bytes, before
    and after, which loses colours where there is little alpha.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides, and for ``nearest`` also of uint16 or float32; or another image that `imgsvc.process`
        takes.
    width, height : int, optional
        Columns and rows of the result, from 1. One that is None follows from the other by the aspect ratio of
        the image, rounded to nearest, ties to even, and at least 1.
    resample : {"nearest", "box", "bilinear", "bicubic", "lanczos"}
        The filter.
    alpha : {"weighted", "channel"}
        As for `mean_filter`.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of the image's dtype, shape (height, width) and the image's channels
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `width`, `height` or `resample` is none of these, or the result would be
        beyond reason, or a window have more than 65536 pixels, or all of an axis together more than
        16777216.

    Examples
    --------
    >>> resize(np.array([[10, 20, 30, 40]], np.uint8), width=2, height=1, resample="box")
    array([[15, 35]], dtype=uint8)
    """
    return made(Resize, width, height, resample, alpha)(image, out=out, num_threads=num_threads)
