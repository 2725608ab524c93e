"""Operations in which each pixel of the result depends on that pixel of the image alone."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, cast

from imgsvc import _dispatch
from imgsvc.errors import InvalidParameterError
from imgsvc.operations.operation import Operation, SameShape, made, public
from imgsvc.operations.parameters import integer, number
from imgsvc.operations.scratch import channels_of
from imgsvc.operations.tables import IDENTITY, SIZE, adjust_table, colour_rows, gamma_table, table_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop


class Pointwise(SameShape):
    """An operation whose result has the image's shape, and which takes about as long as a copy."""

    def cost(self, shape: Shape) -> int:
        """Return the bytes."""
        return math.prod(shape)


class OneTable(Pointwise):
    """An operation that looks up all colours in one table."""

    def cost(self, shape: Shape) -> int:
        """Return twice the bytes."""
        return 2 * math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return that it looks up."""
        return "lookup"


@dataclasses.dataclass(frozen=True)
class Lut(Pointwise):
    """Each value replaced by another; see `lut`. The table is kept as bytes, row after row."""

    table: ArrayLike

    def __post_init__(self) -> None:
        """Check the table, and copy it."""
        object.__setattr__(self, "table", table_bytes("table", self.table))

    def __repr__(self) -> str:
        """Return the number of rows: nobody reads the values."""
        return f"Lut(<{len(self._rows) // SIZE}×{SIZE}>)"

    @property
    def _rows(self) -> bytes:
        return cast("bytes", self.table)

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, if the table has one row or as many as there are channels."""
        rows = len(self._rows) // SIZE
        channels = shape[2] if len(shape) > 2 else 1
        if rows not in {1, channels}:
            several = "" if channels == 1 else f", or {channels}: one for each channel"
            raise InvalidParameterError("table", f"{rows} rows", f"1 row{several}")
        return shape

    def cost(self, shape: Shape) -> int:
        """Return twice the bytes, or five times for a table for each channel."""
        return (2 if len(self._rows) == SIZE else 5) * math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether all channels have one table."""
        return "lookup" if len(self._rows) == SIZE else "lookup by channel"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().Lookup(self._rows, colours_only=False)

    def lookup_table(self, channels: int) -> bytes:
        """Return the rows."""
        return self._rows if len(self._rows) > SIZE else self._rows * channels


@dataclasses.dataclass(frozen=True)
class ColourTable(OneTable):
    """Each value of a colour replaced by another, and alpha left as it is: what pipelines make of others."""

    row: bytes

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().Lookup(self.row, colours_only=True)

    def lookup_table(self, channels: int) -> bytes:
        """Return the row for each colour."""
        return colour_rows(self.row, channels)


@dataclasses.dataclass(frozen=True)
class Invert(Pointwise):
    """The negative; see `invert`."""

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().Invert()

    def lookup_table(self, channels: int) -> bytes:
        """Return the negative of each value."""
        return colour_rows(IDENTITY[::-1], channels)


@dataclasses.dataclass(frozen=True)
class Adjust(OneTable):
    """Brightness and contrast; see `adjust`."""

    brightness: float = 0.0
    contrast: float = 1.0

    def __post_init__(self) -> None:
        """Check both."""
        object.__setattr__(self, "brightness", number("brightness", self.brightness, -255, 255))
        object.__setattr__(self, "contrast", number("contrast", self.contrast, 0, 100))

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        table = adjust_table(self.brightness, self.contrast)
        return _dispatch.kernels().Lookup(table, colours_only=True)

    def lookup_table(self, channels: int) -> bytes:
        """Return what becomes of each value."""
        return colour_rows(adjust_table(self.brightness, self.contrast), channels)


@dataclasses.dataclass(frozen=True)
class Gamma(OneTable):
    """A power of the values; see `gamma`."""

    gamma: float

    def __post_init__(self) -> None:
        """Check `gamma`."""
        object.__setattr__(self, "gamma", number("gamma", self.gamma, 0.01, 100))

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().Lookup(gamma_table(self.gamma), colours_only=True)

    def lookup_table(self, channels: int) -> bytes:
        """Return what becomes of each value."""
        return colour_rows(gamma_table(self.gamma), channels)


@dataclasses.dataclass(frozen=True)
class Threshold(Pointwise):
    """Two levels; see `threshold`."""

    level: int

    def __post_init__(self) -> None:
        """Check `level`."""
        object.__setattr__(self, "level", integer("level", self.level, 0, 255))

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        return _dispatch.kernels().Threshold(self.level)

    def lookup_table(self, channels: int) -> bytes:
        """Return 0 for each value that is dark, and 255 for the others."""
        dark = self.level + 1
        return colour_rows(bytes(dark) + b"\xff" * (SIZE - dark), channels)


@dataclasses.dataclass(frozen=True)
class Grayscale(Operation):
    """Colours as levels of gray; see `grayscale`."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return (H, W)."""
        return shape[:2]

    def cost(self, shape: Shape) -> int:
        """Return the bytes of the image."""
        return math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether there are colours."""
        return self.name if channels_of(shape) > 1 else "copy"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        kernels = _dispatch.kernels()
        return kernels.Copy() if channels_of(shape) == 1 else kernels.Grayscale()


@public(Lut)
def lut(
    image: ImageLike, table: ArrayLike, *, out: Image | None = None, num_threads: int | None = None
) -> Image:
    """Replace each value by what a table says.

    ``result[y, x, c] = table[image[y, x, c]]``, or ``table[c, image[y, x, c]]`` if the table has a row for
    each channel. Alpha is a channel like the others.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    table : array_like of int, shape (256,), (1, 256) or (C, 256), or bytes
        Values from 0 to 255: for all channels, or a row for each of the image's C channels. Bytes are
        the rows one after the other.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `table` has another shape or holds other values.

    Examples
    --------
    >>> lut(np.array([[1, 2, 3]], np.uint8), np.arange(256) // 2)
    array([[0, 1, 1]], dtype=uint8)
    """
    return Lut(table)(image, out=out, num_threads=num_threads)


@public(Invert)
def invert(image: ImageLike, *, out: Image | None = None, num_threads: int | None = None) -> Image:
    """Make a negative.

    ``result = 255 - image`` for colours; the alpha of (H, W, 4) stays as it is.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`.

    Examples
    --------
    >>> invert(np.array([[0, 100, 255]], np.uint8))
    array([[255, 155,   0]], dtype=uint8)
    """
    return made(Invert)(image, out=out, num_threads=num_threads)


@public(Adjust)
def adjust(
    image: ImageLike,
    brightness: float = 0.0,
    contrast: float = 1.0,
    *,
    out: Image | None = None,
    num_threads: int | None = None,
) -> Image:
    """Change brightness and contrast.

    ``result = contrast * (image - 127.5) + 127.5 + brightness`` for colours, rounded to nearest, ties to
    even, and clamped to 0 and 255; the alpha of (H, W, 4) stays as it is. The formula is computed exactly and
    rounded once, so the result differs from it by 0.5 at most, but for clamping.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    brightness : float
        Levels to add, -255 to 255.
    contrast : float
        What differences from the middle are multiplied by, 0 to 100: above 1 is more contrast.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `brightness` or `contrast` is out of range.

    Examples
    --------
    >>> adjust(np.array([[0, 100, 127, 128, 255]], np.uint8), brightness=10, contrast=2)
    array([[  0,  82, 136, 138, 255]], dtype=uint8)
    """
    return made(Adjust, brightness, contrast)(image, out=out, num_threads=num_threads)


@public(Gamma)
def gamma(
    image: ImageLike, gamma: float, *, out: Image | None = None, num_threads: int | None = None
) -> Image:
    """Correct the gamma.

    ``result = 255 * (image / 255) ** gamma`` for colours, rounded to nearest (there are no ties); the alpha
    of (H, W, 4) stays as it is. `gamma` is the exponent itself: below 1 the image gets brighter, above 1
    darker. The result is the formula's, rounded once, so it differs from it by less than 0.5.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    gamma : float
        The exponent, 0.01 to 100.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `gamma` is out of range.

    Examples
    --------
    >>> gamma(np.array([[0, 64, 128, 255]], np.uint8), 0.5)
    array([[  0, 128, 181, 255]], dtype=uint8)
    """
    return made(Gamma, gamma)(image, out=out, num_threads=num_threads)


@public(Threshold)
def threshold(
    image: ImageLike, level: int, *, out: Image | None = None, num_threads: int | None = None
) -> Image:
    """Tell bright from dark.

    ``result = 255 if image > level else 0`` for colours, each by itself; the alpha of (H, W, 4) stays as
    it is.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    level : int
        The brightest value that counts as dark, 0 to 255.
    out, num_threads
        As for `mean_filter`.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, or `level` is out of range.

    Examples
    --------
    >>> threshold(np.array([[0, 100, 101, 255]], np.uint8), 100)
    array([[  0,   0, 255, 255]], dtype=uint8)
    """
    return made(Threshold, level)(image, out=out, num_threads=num_threads)


@public(Grayscale)
def grayscale(image: ImageLike, *, out: Image | None = None, num_threads: int | None = None) -> Image:
    """Turn colours into levels of gray.

    ``result = (9798 * R + 19235 * G + 3735 * B) / 32768``, rounded to nearest, ties to even. These are the
    weights 0.299, 0.587 and 0.114 of ITU-R BT.601 in steps of 1 / 32768; before rounding they make a
    difference of 0.0043 at most, so the result differs from the real-valued sum by less than 0.505. Alpha is
    left out. An image of one channel is copied.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; the channels in the order R, G, B, alpha; or another image that `imgsvc.process` takes.
    out, num_threads
        As for `mean_filter`; `out` has the result's shape.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`.

    Examples
    --------
    >>> grayscale(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))
    array([[ 76, 150,  29]], dtype=uint8)
    """
    return made(Grayscale)(image, out=out, num_threads=num_threads)
