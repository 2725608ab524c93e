"""Other sizes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations import filters
from imgsvc.operations.alpha import ALPHAS, Alpha
from imgsvc.operations.by_size import BySize
from imgsvc.operations.colors import Color, check_channels, check_range, checked_color
from imgsvc.operations.filters import NEAREST
from imgsvc.operations.fitting import FITS, INTERESTS, Fit, Position, checked_position, fitted
from imgsvc.operations.operation import made, public
from imgsvc.operations.parameters import MAX_SIDE, integer, number, one_of, result_shape, rounded
from imgsvc.operations.placed import Framed, Placed

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._images import Image, ImageLike, Shape

Resample = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
RESAMPLES = {name: name for name in (NEAREST, *filters.FILTERS)}

LEAST_SCALE, MOST_SCALE = 1e-6, 1e6


@dataclasses.dataclass(frozen=True)
class Resize(BySize):
    """The image in another size; see `resize`."""

    width: int | None = None
    height: int | None = None
    resample: Resample = "bilinear"
    alpha: Alpha = "weighted"
    fit: Fit = "fill"
    position: Position = "center"
    enlarge: bool = True
    background: Color = 0
    scale: float | None = None

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        if self.scale is not None:
            meaning = ", instead of width and height"
            object.__setattr__(self, "scale", number("scale", self.scale, LEAST_SCALE, MOST_SCALE, meaning))
            if self.width is not None or self.height is not None:
                raise InvalidParameterError("scale", shown(self.scale), "either this, or width and height")
        elif self.width is None and self.height is None:
            raise InvalidParameterError("width, height", "neither is set", "one of them at least, or scale")
        for field in ("width", "height"):
            value = getattr(self, field)
            if value is not None:
                meaning = "; leave it out to keep the aspect ratio"
                object.__setattr__(self, field, integer(field, value, 1, MAX_SIDE, meaning))
        one_of("resample", self.resample, RESAMPLES)
        one_of("alpha", self.alpha, ALPHAS)
        one_of("fit", self.fit, FITS)
        object.__setattr__(self, "position", checked_position(self.position))
        if self.looks and self.fit != "cover":
            raise InvalidParameterError("position", shown(self.position), "fit=cover: others cut nothing off")
        if not isinstance(self.enlarge, bool):
            raise InvalidParameterError("enlarge", shown(self.enlarge), "true or false")
        object.__setattr__(self, "background", checked_color("background", self.background))

    @property
    def looks(self) -> bool:
        """Whether the position depends on what the image shows."""
        return self.position in INTERESTS

    def made_for(self, shape: Shape) -> Placed:
        """Return what becomes of an image of `shape`, all sizes known."""
        return _placed(self, shape)

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return `dtype`, if `background` is in its range."""
        check_range("background", self.background, dtype)
        return super().output_dtype(dtype)


def _placed(operation: Resize, shape: Shape) -> Placed:
    height, width = shape[:2]
    if operation.scale is not None:
        asked = max(round(height * operation.scale), 1), max(round(width * operation.scale), 1)
    else:
        asked = (
            operation.height or rounded(height * (operation.width or 1), width),
            operation.width or rounded(width * (operation.height or 1), height),
        )
    is_one_side = operation.width is None or operation.height is None
    fit: Fit = "fill" if is_one_side else operation.fit
    if is_one_side and not operation.enlarge and (asked[0] > height or asked[1] > width):
        asked = height, width
    fit_of_it = fitted((height, width), asked, fit, operation.position, enlarge=operation.enlarge)
    if fit_of_it.is_padded:
        check_channels("background", operation.background, shape)
    result_shape("width, height", *fit_of_it.canvas, shape[2:])
    kind, background = (Framed, operation.background) if fit_of_it.is_padded else (Placed, 0)
    cut_by = str(operation.position) if operation.looks and fit_of_it.canvas != fit_of_it.size else ""
    made_of_it = kind(fit_of_it, operation.resample, operation.alpha, background, cut_by)
    for field, source, size in zip(("height", "width"), (height, width), fit_of_it.size, strict=True):
        taps = made_of_it.taps_of(source, size)
        if taps > filters.MAX_TAPS or taps * size > filters.MAX_WEIGHTS:
            raise InvalidParameterError(
                field,
                f"{size} for an image of {field} {source}",
                f"one for which {operation.resample!r} needs at most {filters.MAX_TAPS} weights a pixel, "
                f"and {filters.MAX_WEIGHTS} in all",
            )
    return made_of_it


@public(Resize)
def resize(
    image: ImageLike,
    width: int | None = None,
    height: int | None = None,
    *,
    resample: Resample = "bilinear",
    alpha: Alpha = "weighted",
    fit: Fit = "fill",
    position: Position = "center",
    enlarge: bool = True,
    background: Color = 0,
    scale: float | None = None,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Make an image of another size: just that size, or one that fits it.

    ===========  =====================================================================================
    fit          result, for a width and a height that are asked for
    ===========  =====================================================================================
    ``fill``     just that size, whatever becomes of the ratio
    ``inside``   of the image's ratio, and as large as neither side is larger
    ``outside``  of the image's ratio, and as small as neither side is smaller
    ``cover``    of just that size, cut out of ``outside``
    ``contain``  of just that size: ``inside`` upon a canvas of `background`
    ===========  =====================================================================================

    The side that binds is found by comparing ``w H`` with ``h W`` as integers, and is as asked for. The other
    follows by the image's ratio, rounded to nearest, ties to even, and is at least 1; so does one that is
    left out. Where the image is, or what is seen of it, `position` says: of columns and rows that are free,
    ``floor(free position)`` are on the left and above. An image that is cut has the pixels that it has as a
    whole.

    Of fits sharp has the names, but rounds ties up; ``inside`` and ``outside`` are what Pillow's
    `ImageOps.contain` and `cover` give, and ``contain`` and ``cover`` what its `pad` and `fit` do, which cut
    before they resize.

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
        Columns and rows that are asked for, from 1. One that is left out follows from the other by the aspect
        ratio of the image, and there is nothing to fit.
    resample : {"nearest", "box", "bilinear", "bicubic", "lanczos"}
        The filter.
    alpha : {"weighted", "channel"}
        As for `mean_filter`.
    fit : {"fill", "cover", "contain", "inside", "outside"}
        As above.
    position : str or (float, float)
        What of the image is seen with ``cover``, and where it is with ``contain``: ``"center"``, a point of
        the compass such as ``"north"`` or ``"southeast"`` (also ``"top"``, ``"bottom-right"`` and so on), or
        two fractions from 0 to 1, of the way to the right and down. With ``cover`` also ``"entropy"`` and
        ``"attention"``: where there is the most to see, by formulas of our own in
        ``imgsvc.operations.interest``.
    enlarge : bool
        Whether the image may become larger. Otherwise no side does: ``cover`` cuts the ratio that is asked
        for out of an image that is too small, ``contain`` puts it upon the canvas as it is, ``inside`` and
        ``outside`` leave it as it is.
    background : number, sequence of numbers or str
        The colour of the canvas, as `fill` of `pad`.
    scale : float, optional
        Instead of a width and a height: what both sides are multiplied by, rounded to nearest, ties to even,
        and at least 1.
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
    >>> resize(np.array([[10, 20, 30, 40]], np.uint8), width=1, height=1, fit="cover", position="west")
    array([[10]], dtype=uint8)
    """
    operation = made(Resize, width, height, resample, alpha, fit, position, enlarge, background, scale)
    return operation(image, out=out, num_threads=num_threads)
