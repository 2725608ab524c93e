"""Rectangles: a part of an image, and an image with a frame around it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc import _dispatch
from imgsvc._images import UINT8
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.affine import shifted
from imgsvc.operations.borders import BORDERS, Border
from imgsvc.operations.colors import Color, check_channels, check_range, checked_color, levels_of
from imgsvc.operations.fitting import INTERESTS, Position, checked_position, offset
from imgsvc.operations.interest import best_offset, check_looked_at, looking_bytes, looking_cost
from imgsvc.operations.operation import REQUIRED, Deep, made, public
from imgsvc.operations.parameters import MAX_SIDE, integer, one_of, result_shape
from imgsvc.operations.scratch import channels_of

if TYPE_CHECKING:
    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.affine import Affine

LOOKED_FOR = 24
"""Bytes that are copied while a pixel of a frame is looked for, one by one, in the image."""

MAX_LENGTH = (1 << 63) - 1  # of an array's axis


@dataclasses.dataclass(frozen=True)
class Crop(Deep):
    """A rectangle of the image; see `crop`."""

    left: int | None = None
    top: int | None = None
    width: int | None = dataclasses.field(default=None, metadata=REQUIRED)
    height: int | None = dataclasses.field(default=None, metadata=REQUIRED)
    position: Position = "center"

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        corner = (self.left is not None) + (self.top is not None)
        for field in ("width", "height") if corner == 0 else ("left", "top", "width", "height"):
            if getattr(self, field) is None:
                raise InvalidParameterError(field, "nothing", "a value: it has no default")
            low = 1 if field in ("width", "height") else 0
            object.__setattr__(self, field, integer(field, getattr(self, field), low, MAX_LENGTH))
        object.__setattr__(self, "position", checked_position(self.position))
        if corner and self.position != "center":
            raise InvalidParameterError("position", shown(self.position), "either this, or left and top")

    @property
    def looks(self) -> bool:
        """Whether the position depends on what the image shows."""
        return self.position in INTERESTS

    def seen(self, image: Image, num_threads: int | None, stop: Stop) -> Crop:
        """Return the rectangle that shows the most of an image."""
        if not self.looks:
            return self
        whole = image.shape[0], image.shape[1]
        top, left = best_offset(
            image, whole, self.size, str(self.position), num_threads=num_threads, stop=stop
        )
        return Crop(left, top, self.width, self.height)

    @property
    def size(self) -> tuple[int, int]:
        """The rows and columns of the rectangle."""
        return self.height or 1, self.width or 1

    def corner(self, shape: Shape) -> tuple[int, int]:
        """Return the first row and column, of an image in which the rectangle lies."""
        if self.left is not None and self.top is not None:
            return self.top, self.left
        rows, columns = self.size
        return offset(shape[0] - rows, self.position, 0), offset(shape[1] - columns, self.position, 1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the rectangle's shape, if it lies inside the image."""
        rows, columns = self.size
        for begin, length, start, size, limit in (
            ("left", "width", self.left, columns, shape[1]),
            ("top", "height", self.top, rows, shape[0]),
        ):
            if (start or 0) + size > limit:
                field = length if start is None else f"{begin} + {length}"
                expected = f"at most {limit}, the {length} of the image"
                raise InvalidParameterError(field, (start or 0) + size, expected)
        if self.looks:
            check_looked_at(shape)
        return (*self.size, *shape[2:])

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return what it takes to look for the rectangle."""
        return looking_bytes(shape, num_threads) if self.looks else 0

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image of `shape` are in the rectangle."""
        top, left = self.corner(shape)
        return shifted(-left, -top)

    def cost(self, shape: Shape) -> int:
        """Return the bytes of the rectangle, and what it costs to look for it."""
        looking = looking_cost(shape) if self.looks else 0
        return math.prod(self.size) * math.prod(shape[2:]) + looking

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return that it copies."""
        return "copy"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel | None:
        """Return what computes the result; None as long as nobody has looked where it is."""
        if self.looks:
            return None
        top, left = self.corner(shape)
        return _dispatch.kernels().Copy(left, top)


@dataclasses.dataclass(frozen=True)
class Pad(Deep):
    """The image with a frame around it; see `pad`."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0
    border: Border = "constant"
    fill: Color = 0

    def __post_init__(self) -> None:
        """Check what can be without the image."""
        for field in ("left", "top", "right", "bottom"):
            object.__setattr__(self, field, integer(field, getattr(self, field), 0, MAX_SIDE))
        one_of("border", self.border, BORDERS)
        object.__setattr__(self, "fill", checked_color("fill", self.fill))

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape` with the frame, if `fill` has as many channels."""
        check_channels("fill", self.fill, shape)
        height = self.top + shape[0] + self.bottom
        return result_shape("left, top, right, bottom", height, self.left + shape[1] + self.right, shape[2:])

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image are in the result."""
        return shifted(self.left, self.top)

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return `dtype`, if `fill` is in its range."""
        check_range("fill", self.fill, dtype)
        return dtype

    def cost(self, shape: Shape) -> int:
        """Return the bytes of the result, and more for pixels beside the image that are looked for in it."""
        return self.cost_of(shape, UINT8)

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return the same of `dtype`; to look for a pixel takes as long in all of them."""
        result = self.output_shape(shape)
        beside = 0 if self.border == "constant" else (self.left + self.right) * result[0]
        return math.prod(result) * dtype.itemsize + LOOKED_FOR * beside

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether the frame is of one colour."""
        return self.name if self.border == "constant" else "pad with pixels"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        fill = np.array(levels_of(self.fill, channels_of(shape), dtype), dtype).tobytes()
        return _dispatch.kernels().Pad(self.left, self.top, BORDERS[self.border], fill)


@public(Crop)
def crop(
    image: ImageLike,
    *,
    left: int | None = None,
    top: int | None = None,
    width: int | None = None,
    height: int | None = None,
    position: Position = "center",
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Copy a rectangle out of an image.

    ``result[y, x] = image[top + y, left + x]``. (``image[top : top + height, left : left + width]`` is a view
    of the same pixels, which every function here takes.)

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    left, top : int, optional
        The first column and row, from 0.
    width, height : int
        Columns and rows, from 1; all inside the image.
    position : str or (float, float)
        Where the rectangle is, instead of `left` and `top`: as that of `resize`. With ``"entropy"`` and
        ``"attention"`` it is where there is the most to see.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of the image's dtype, shape (height, width) and the image's channels
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or the rectangle is empty, not inside the image, or said twice or in part.

    Examples
    --------
    >>> crop(np.array([[1, 2, 3], [4, 5, 6]], np.uint8), left=1, top=0, width=2, height=1)
    array([[2, 3]], dtype=uint8)
    >>> crop(np.array([[1, 2, 3], [4, 5, 6]], np.uint8), width=1, height=1, position="southeast")
    array([[6]], dtype=uint8)
    """
    operation = made(Crop, left, top, width, height, position)
    return operation(image, out=out, num_threads=num_threads)


@public(Pad)
def pad(
    image: ImageLike,
    *,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
    border: Border = "constant",
    fill: Color = 0,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Put a frame around an image.

    ``result[y, x] = image[y - top, x - left]``, where outside the image `border` says what is seen; as
    `numpy.pad`, whose names for the modes differ (``imgsvc.operations.borders`` has both).

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    left, top, right, bottom : int
        Columns and rows to add on each side, 0 to 1073741824; as many as the image has, or more.
    border : {"constant", "replicate", "reflect", "reflect101", "wrap"}
        ``constant`` is `fill`; the others see to the right of ``abcd``: ``ddd``, ``dcb``, ``cba``, ``abc``.
    fill : number, sequence of numbers or str
        The colour of the constant border: a level for all channels, red, green and blue, or a level for each
        channel, in the range of the image's dtype: integers from 0 to 255 for uint8 and to 65535 for uint16,
        and for float32 any finite number, which is rounded to float32. A text, ``#rgb``, ``#rrggbb``,
        ``#rrggbbaa`` or a name of CSS, is of 8 bits, scaled to that range. For gray images a colour becomes
        gray as by `grayscale`, and for those with alpha it is opaque where it has none.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of the image's dtype, shape (top + H + bottom, left + W + right) and the image's channels
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or an amount, `border` or `fill` is out of range, or the result would be.

    Examples
    --------
    >>> pad(np.array([[1, 2, 3]], np.uint8), left=1, right=2, border="reflect101")
    array([[2, 1, 2, 3, 2, 1]], dtype=uint8)
    """
    operation = Pad(left, top, right, bottom, border, fill)
    return operation(image, out=out, num_threads=num_threads)
