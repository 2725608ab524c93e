"""Other sizes."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from imgsvc import _dispatch
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import filters
from imgsvc.operations.operation import Operation
from imgsvc.operations.parameters import MAX_SIDE, integer, one_of, result_shape

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop

NEAREST = "nearest"
RESAMPLES = {name: name for name in (NEAREST, *filters.FILTERS)}


@dataclasses.dataclass(frozen=True)
class Resize(Operation):
    """The image in another size; see `resize`."""

    width: int | None = None
    height: int | None = None
    resample: str = "bilinear"

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

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result, if its sizes are none beyond reason for an image of `shape`."""
        height, width = shape[:2]
        new_width = self.width if self.width is not None else _rounded(width * (self.height or 1), height)
        new_height = self.height if self.height is not None else _rounded(height * (self.width or 1), width)
        result = result_shape("width, height", new_height, new_width, shape[2:])
        for field, source, size in (("height", height, new_height), ("width", width, new_width)):
            taps = self._taps(source, size)
            if taps > filters.MAX_TAPS or taps * size > filters.MAX_WEIGHTS:
                raise InvalidParameterError(
                    field,
                    f"{size} for an image of {field} {source}",
                    f"one for which {self.resample!r} needs at most {filters.MAX_TAPS} weights for each pixel "
                    f"and {filters.MAX_WEIGHTS} for all of them",
                )
        return result

    def _taps(self, source: int, size: int) -> int:
        """Return how many pixels of an axis one of the result is made of, at most."""
        return 1 if self.resample == NEAREST else filters.most_taps(source, size, self.resample)

    def cost(self, shape: Shape) -> int:
        """Return the bytes of the result, for the filters with the weights and the products of both passes."""
        height, width = shape[:2]
        new_height, new_width = self.output_shape(shape)[:2]
        channels = math.prod(shape[2:])
        pixels = new_height * new_width * channels
        if self.resample == NEAREST:
            return 2 * pixels
        rows, columns = self._taps(height, new_height), self._taps(width, new_width)
        products = new_height * width * channels * rows + pixels * columns
        return products // 2 + 4 * pixels

    def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
        """Compute `dst`."""
        kernels = _dispatch.kernels()
        (height, width), (new_height, new_width) = src.shape[:2], dst.shape[:2]
        if src.shape == dst.shape:
            kernels.moves.copy(src, dst, num_threads, stop)
        elif self.resample == NEAREST:
            rows, columns = filters.nearest(height, new_height), filters.nearest(width, new_width)
            kernels.resampling.select(src, dst, rows, columns, num_threads, stop)
        else:
            kernels.resampling.resample(
                src,
                dst,
                filters.windows(height, new_height, self.resample),
                filters.windows(width, new_width, self.resample),
                num_threads,
                stop,
            )


def _rounded(numerator: int, denominator: int) -> int:
    """Return the quotient rounded to nearest, ties to even, and at least 1."""
    quotient, rest = divmod(numerator, denominator)
    return max(quotient + (2 * rest + quotient % 2 > denominator), 1)


def resize(
    image: Image,
    *,
    width: int | None = None,
    height: int | None = None,
    resample: str = "bilinear",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Make an image of another size."""
    return Resize(width, height, resample)(image, out=out, num_threads=num_threads)
