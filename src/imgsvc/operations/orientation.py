"""Quarter turns and mirror images: the eight orientations that an image has."""

from __future__ import annotations

import dataclasses
import math
import operator
from typing import TYPE_CHECKING, Any

from imgsvc import _dispatch
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.affine import IDENTITY
from imgsvc.operations.operation import Deep, SameShape, made, public
from imgsvc.operations.parameters import integer

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.affine import Affine

TURNED = 3
"""How many times as long as a copy it takes to make columns of rows."""


@dataclasses.dataclass(frozen=True)
class Rotate90(Deep):
    """Quarter turns counter-clockwise; see `rotate90`."""

    turns: int = 1

    def __post_init__(self) -> None:
        """Reduce `turns` modulo 4."""
        try:
            turns = operator.index(self.turns)
        except TypeError:
            expected = "an integer: the number of quarter turns"
            raise InvalidParameterError("turns", shown(self.turns), expected) from None
        object.__setattr__(self, "turns", turns % 4)

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, with rows and columns exchanged for one and three turns."""
        return (shape[1], shape[0], *shape[2:]) if self.turns % 2 else shape

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image of `shape` are in the result."""
        height, width = shape[:2]
        mappings: tuple[Affine, ...] = (
            IDENTITY,
            (0.0, 1.0, 0.0, -1.0, 0.0, width),
            (-1.0, 0.0, width, 0.0, -1.0, height),
            (0.0, -1.0, height, 1.0, 0.0, 0.0),
        )
        return mappings[self.turns]

    def cost(self, shape: Shape) -> int:
        """Return the bytes, three times for a turn of the rows into columns."""
        return (TURNED if self.turns % 2 else 1) * math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return how pixels change places."""
        return ("copy", "transpose", "half turn", "transpose")[self.turns]

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        kernels = _dispatch.kernels()
        match self.turns:
            case 0:
                return kernels.Copy()
            case 2:
                return kernels.Mirror(reverses=True)
        return kernels.QuarterTurn(clockwise=self.turns == 3)


@dataclasses.dataclass(frozen=True)
class Flip(Deep, SameShape):
    """A mirror image; see `flip`."""

    axis: int

    def __post_init__(self) -> None:
        """Check `axis`."""
        meaning = ": 0 turns the rows upside down, 1 exchanges left and right"
        object.__setattr__(self, "axis", integer("axis", self.axis, 0, 1, meaning))

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image of `shape` are in the result."""
        height, width = shape[:2]
        return (-1.0, 0.0, width, 0.0, 1.0, 0.0) if self.axis else (1.0, 0.0, 0.0, 0.0, -1.0, height)

    def cost(self, shape: Shape) -> int:
        """Return the bytes."""
        return math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return how pixels change places."""
        return "mirror" if self.axis else "copy upside down"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        kernels = _dispatch.kernels()
        return kernels.Mirror() if self.axis else kernels.Copy(reverses=True)


@dataclasses.dataclass(frozen=True)
class Transpose(Deep):
    """Rows and columns exchanged; see `transpose`."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape` with rows and columns exchanged."""
        return (shape[1], shape[0], *shape[2:])

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image are in the result."""
        return (0.0, 1.0, 0.0, 1.0, 0.0, 0.0)

    def cost(self, shape: Shape) -> int:
        """Return three times the bytes, as for a quarter turn."""
        return TURNED * math.prod(shape)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().Transpose()


@public(Rotate90)
def rotate90(
    image: ImageLike, turns: int = 1, *, out: Image | None = None, num_threads: int | None = None
) -> Image:
    """Rotate by quarter turns, counter-clockwise.

    For one turn ``result[y, x] = image[x, W - 1 - y]``, with ``W`` the image's width; as `numpy.rot90`.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    turns : int
        The number of quarter turns, taken modulo 4; negative is clockwise. A multiple of 4 copies.
    out : ndarray of the image's dtype, optional
        Where to write the result: of the result's shape, C-contiguous, not sharing memory with `image`.
    num_threads : int, optional
        Threads to use at most, 1 to 256; an image so small that they would wake up too late gets fewer. By
        default every core that the process may run on.

    Returns
    -------
    ndarray of the image's dtype
        C-contiguous, with rows and columns exchanged for an odd number of turns; `out` where it was given.

    Raises
    ------
    InvalidImageError
        Another dtype or rank, an empty image, or an `out` that does not fit.
    InvalidParameterError
        `turns` is no integer, or `num_threads` is out of range.

    Examples
    --------
    >>> rotate90(np.array([[1, 2, 3]], np.uint8))
    array([[3],
           [2],
           [1]], dtype=uint8)
    """
    return made(Rotate90, turns)(image, out=out, num_threads=num_threads)


@public(Flip)
def flip(image: ImageLike, axis: int, *, out: Image | None = None, num_threads: int | None = None) -> Image:
    """Mirror an image.

    ``result[y, x] = image[H - 1 - y, x]`` for axis 0, upside down, and ``image[y, W - 1 - x]`` for axis 1,
    left to right; as `numpy.flip`.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    axis : {0, 1}
        The axis along which pixels change places.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of the image's dtype
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `axis` is neither.

    Examples
    --------
    >>> flip(np.array([[1, 2, 3]], np.uint8), axis=1)
    array([[3, 2, 1]], dtype=uint8)
    """
    return made(Flip, axis)(image, out=out, num_threads=num_threads)


@public(Transpose)
def transpose(image: ImageLike, *, out: Image | None = None, num_threads: int | None = None) -> Image:
    """Exchange rows and columns: mirror an image at its main diagonal.

    ``result[y, x] = image[x, y]``; as `numpy.swapaxes` of the first two axes, OpenCV's `transpose` and
    Pillow's `Transpose.TRANSPOSE`. It is ``flip(axis=1)``, and then ``rotate90(1)``.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of the image's dtype, shape (W, H) and the image's channels
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`.

    Examples
    --------
    >>> transpose(np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
    array([[1, 4],
           [2, 5],
           [3, 6]], dtype=uint8)
    """
    return made(Transpose)(image, out=out, num_threads=num_threads)
