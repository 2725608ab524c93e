"""Letterbox: the image whole, in the middle of a size that a model or a screen has."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from imgsvc.operations.alpha import Alpha
from imgsvc.operations.by_size import BySize
from imgsvc.operations.colors import Color, check_channels, check_range, checked_color
from imgsvc.operations.fitting import Position, checked_position
from imgsvc.operations.operation import made, public
from imgsvc.operations.parameters import MAX_SIDE, integer
from imgsvc.operations.resizing import Resample, Resize

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc.operations.operation import Operation

__all__ = ["Letterbox", "letterbox"]

GRAY = "#727272"
"""What YOLO's models have seen around images: 114 of 255."""


@dataclasses.dataclass(frozen=True)
class Letterbox(BySize):
    """The image whole, upon a canvas of a size; see `letterbox`."""

    width: int
    height: int
    fill: Color = GRAY
    resample: Resample = "bilinear"
    alpha: Alpha = "weighted"
    position: Position = "center"
    enlarge: bool = True

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        for field in ("width", "height"):
            object.__setattr__(self, field, integer(field, getattr(self, field), 1, MAX_SIDE))
        object.__setattr__(self, "fill", checked_color("fill", self.fill))
        # Nothing is cut off that could be chosen by what the image shows.
        object.__setattr__(self, "position", checked_position(self.position, ()))
        _ = self._resize  # which checks the rest

    @functools.cached_property
    def _resize(self) -> Resize:
        size, how = (self.width, self.height), (self.resample, self.alpha)
        return Resize(*size, *how, "contain", self.position, self.enlarge, self.fill)

    def made_for(self, shape: Shape) -> Operation:
        """Return what becomes of an image of `shape`, all sizes known."""
        check_channels("fill", self.fill, shape)
        return self._resize.of_size(shape)

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return `dtype`, if `fill` is in its range."""
        check_range("fill", self.fill, dtype)
        return super().output_dtype(dtype)


@public(Letterbox)
def letterbox(
    image: ImageLike,
    width: int,
    height: int,
    fill: Color = GRAY,
    *,
    resample: Resample = "bilinear",
    alpha: Alpha = "weighted",
    position: Position = "center",
    enlarge: bool = True,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Give an image a size, whole and undistorted, with bars beside it: what models for detection take.

    It is ``resize(..., fit="contain", background=fill)``, with the gray that YOLO's models have seen. What
    `imgsvc.process` and the clients return says where the image is in it: `placement` leads boxes that a
    model has found back to the image.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides, and for ``nearest`` also of uint16 or float32; or another image that `imgsvc.process`
        takes.
    width, height : int
        Columns and rows of the result, from 1.
    fill : number, sequence of numbers or str
        The colour of the bars, as `fill` of `pad`; by default 114 of 255, opaque.
    resample, alpha
        As for `resize`.
    position : str or (float, float)
        Where the image is, as that of `resize`: ``"northwest"`` has bars on the right and below alone.
    enlarge : bool
        Whether an image that is smaller becomes larger.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of the image's dtype, shape (height, width) and the image's channels
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `resize`.

    Examples
    --------
    >>> letterbox(np.array([[10, 20]], np.uint8), 2, 3)
    array([[114, 114],
           [ 10,  20],
           [114, 114]], dtype=uint8)
    """
    operation = made(Letterbox, width, height, fill, resample, alpha, position, enlarge)
    return operation(image, out=out, num_threads=num_threads)
