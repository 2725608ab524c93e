"""Trim: the image without what is all of one colour around it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc import _dispatch
from imgsvc._images import as_rows
from imgsvc._stop import Stop
from imgsvc._threads import threads_for
from imgsvc.operations.colors import Color, check_channels, check_range, checked_color, levels_of
from imgsvc.operations.depth import as_bytes
from imgsvc.operations.geometry import Crop
from imgsvc.operations.operation import Deep, SameShape, made, public
from imgsvc.operations.parameters import integer
from imgsvc.operations.scratch import channels_of
from imgsvc.operations.stopping import go_on

if TYPE_CHECKING:
    from imgsvc._images import Image, ImageLike, Shape

__all__ = ["Trim", "trim"]

EXTENT_BYTES = 8
"""Of a row: its first and its last column that is no background, 4 bytes each."""


@dataclasses.dataclass(frozen=True)
class Trim(Deep, SameShape):
    """The image without what is all of one colour around it; see `trim`."""

    threshold: int = 10
    background: Color | None = None

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        meaning = ", of 8 bits: by how much a channel of the background may differ"
        object.__setattr__(self, "threshold", integer("threshold", self.threshold, 0, 255, meaning))
        if self.background is not None:
            object.__setattr__(self, "background", checked_color("background", self.background))

    @property
    def looks(self) -> bool:
        """Whether what it does depends on what an image shows: always."""
        return True

    @property
    def at_most(self) -> bool:
        """Whether the result may be smaller than `output_shape` says: always."""
        return True

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, the largest that the result may have, if `background` has as many channels."""
        if self.background is not None:
            check_channels("background", self.background, shape)
        return shape

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return `dtype`, if `background` is in its range."""
        if self.background is not None:
            check_range("background", self.background, dtype)
        return dtype

    def cost(self, shape: Shape) -> int:
        """Return twice the bytes: to look at all of it, and to copy it."""
        return 2 * math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return that it copies, as far as time is concerned."""
        return "copy"

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return the bytes of an image of 8 bits, and of the rows' extents."""
        return math.prod(shape) + EXTENT_BYTES * 4 * shape[0]

    def seen(self, image: Image, num_threads: int | None, stop: Stop) -> Crop:
        """Return the rectangle of an image that is no background; all of it, where it is nothing else."""
        rows = as_rows(as_bytes(image, num_threads, stop))
        extents = np.empty((len(rows), EXTENT_BYTES), np.uint8)
        kernel = _dispatch.kernels().Extents(self._background_of(image, rows), self.threshold)
        kernel(rows, as_rows(extents), threads_for(rows.size, num_threads), stop)
        go_on(stop)
        first, last = extents.view(np.int32).T
        [inside] = np.nonzero(last >= 0)
        height, width = image.shape[:2]
        if not len(inside):
            return Crop(0, 0, width, height)
        left, top, bottom = int(first[inside].min()), int(inside[0]), int(inside[-1])
        return Crop(left, top, int(last.max()) + 1 - left, bottom + 1 - top)

    def _background_of(self, image: Image, rows: Image) -> bytes:
        """Return the pixel, of 8 bits, that is looked for."""
        if self.background is None:
            first: bytes = rows[0, 0].tobytes()
            return first
        channels = channels_of(image.shape)
        levels = np.array(levels_of(self.background, channels, image.dtype), image.dtype)
        pixel: bytes = as_bytes(levels.reshape(1, 1, channels), 1, Stop()).tobytes()
        return pixel


@public(Trim)
def trim(
    image: ImageLike,
    threshold: int = 10,
    background: Color | None = None,
    *,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Cut off the rows and columns at an image's edges that show nothing but a background.

    The result is the smallest rectangle with all pixels of which a channel differs from the background by
    more than `threshold`; of RGBA alpha, or what is seen of a colour: ``abs(c a - c' a') > 255 threshold``.
    An image of nothing but background stays as it is. As sharp's `trim`, which has colours and alpha apart.
    Where an animation is processed, its first frame decides, and all are cut as it is.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes. Of more than 8 bits it is looked at as
        `convert` makes 8 of them.
    threshold : int
        In levels of 8 bits, 0 to 255; 0 cuts off what is just the background.
    background : number, sequence of numbers or str, optional
        Its colour, as `fill` of `pad`; by default the image's first pixel, above on the left.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape, which nobody knows before.

    Returns
    -------
    ndarray of the image's dtype, at most of the image's shape
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `threshold` or `background` is out of range.

    Examples
    --------
    >>> trim(np.array([[9, 9, 9, 9], [9, 9, 70, 9], [9, 9, 9, 9]], np.uint8))
    array([[70]], dtype=uint8)
    """
    return made(Trim, threshold, background)(image, out=out, num_threads=num_threads)
