"""What an image is: checks on arrays from outside, before any work or memory is spent on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from imgsvc._conversion_advice import conversion_advice
from imgsvc.errors import InvalidImageError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage

    Image = NDArray[np.uint8]

    class HasArray(Protocol):
        """What NumPy makes an array of."""

        def __array__(self) -> NDArray[Any]: ...

    class Readable(Protocol):
        """A file that is open for reading bytes."""

        def read(self, size: int, /) -> bytes: ...

    ImageLike = (
        NDArray[Any] | HasArray | bytes | bytearray | memoryview | str | os.PathLike[str] | Readable
    ) | PillowImage

Shape = tuple[int, ...]

SHAPES = "shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
CHANNELS = (1, 3, 4)
GRAY_RANK, COLOR_RANK = 2, 3

ndarray = np.ndarray
UINT8 = np.dtype(np.uint8)

DTypeName = Literal["uint8", "uint16", "float32"]

DTYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in ("uint8", "uint16", "float32")}
"""Those of images, in this machine's order of bytes; but for `convert`, what computes takes the first."""


_readers: list[Callable[[object], Any]] = []


def read_others_by(reader: Callable[[object], Any]) -> None:
    """Have `array_of` ask `reader`: files and Pillow images are the business of packages above this one."""
    _readers[:] = [reader]


def array_of(image: ImageLike) -> Image:
    """Return the pixels of what a caller gives as an image, unchecked: an array is what it is.

    Raises
    ------
    InvalidInputError, ImageReadError
        It is a file that cannot be read or decoded.
    """
    pixels: Image = image if isinstance(image, ndarray) else _readers[0](image)
    return pixels


def check_image(image: Any, field: str = "image", *, deep: bool = False) -> Image:
    """Return `image` if it is an array that the kernels can work on, or `deep` and of any of `DTYPES`.

    Raises
    ------
    InvalidImageError
        It is no array, of another dtype, has another rank or number of channels, or no pixels.
    """
    if (
        isinstance(image, ndarray)
        and (image.dtype is UINT8 or image.dtype == UINT8 or (deep and image.dtype in DTYPES.values()))
        and (image.__class__ is ndarray or not isinstance(image, np.ma.MaskedArray))
    ):
        shape = image.shape
        rank = len(shape)
        if (rank == GRAY_RANK or (rank == COLOR_RANK and shape[2] in CHANNELS)) and shape[0] and shape[1]:
            checked: Image = image
            return checked
    raise _refusal(image, field, deep=deep)


def _refusal(image: Any, field: str, *, deep: bool) -> InvalidImageError:
    """Return what to say of something that is no image."""
    if not isinstance(image, ndarray):
        advice = "a NumPy array: numpy.asarray(image) makes one"
        return InvalidImageError(field, type(image).__name__, advice)
    if isinstance(image, np.ma.MaskedArray):
        return InvalidImageError(field, "a masked array", "one without a mask: image.filled(0) makes one")
    if deep and image.dtype not in DTYPES.values():
        expected = f"one of {', '.join(DTYPES)}: {conversion_advice(image, deep=True)}"
        return InvalidImageError(f"{field}.dtype", image.dtype, expected)
    if not deep and image.dtype != UINT8:
        return InvalidImageError(
            f"{field}.dtype", image.dtype, f"uint8: {conversion_advice(image, deep=False)}"
        )
    if (
        image.size == 0
        and image.ndim in (GRAY_RANK, COLOR_RANK)
        and image.shape[2:] in [(), *((channels,) for channels in CHANNELS)]
    ):
        return InvalidImageError(f"{field}.shape", image.shape, "at least one row and one column")
    return InvalidImageError(f"{field}.shape", image.shape, f"{SHAPES}: {_reshaping(image)}")


def check_out(out: Any, shape: Shape, image: Image, dtype: np.dtype[Any] = UINT8) -> Image:
    """Return `out` if the result for `image`, of the given shape, can be written into it.

    Raises
    ------
    InvalidImageError
        It is no array of that shape and dtype, not C-contiguous or writable, or shares memory with `image`.
    """
    if not isinstance(out, ndarray) or out.shape != shape or not (out.dtype is dtype or out.dtype == dtype):
        got = f"{out.dtype} array of shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InvalidImageError("out", got, f"a {dtype} array of shape {shape}")
    if not out.flags.carray:
        state = "read-only" if not out.flags.writeable else f"strided {out.strides}"
        raise InvalidImageError(
            "out", state, f"a writable, C-contiguous array: numpy.empty(shape, numpy.{dtype}) is one"
        )
    # Two arrays that own their memory do not share it, and asking takes longer than copying a small image.
    own = out is not image and out.flags.owndata and image.flags.owndata
    if not own and np.may_share_memory(out, image):
        raise InvalidImageError(
            "out", "overlaps image", "memory of its own: the kernels do not work in place"
        )
    return out


def as_rows(image: Image) -> Image:
    """Return `image` as (H, W, C) with contiguous rows; a copy only where its rows are not."""
    if image.ndim == COLOR_RANK and image.flags.c_contiguous:
        return image
    rows = image[:, :, np.newaxis] if image.ndim == GRAY_RANK else image
    channels = rows.shape[2]
    # NumPy leaves the stride of an axis of length 1 to chance, and nobody steps along it.
    contiguous = (channels == 1 or rows.strides[2] == image.itemsize) and (
        rows.shape[1] == 1 or rows.strides[1] == channels * image.itemsize
    )
    return rows if contiguous else np.ascontiguousarray(rows)


def _reshaping(image: NDArray[Any]) -> str:
    if image.ndim == COLOR_RANK and image.shape[0] in CHANNELS and image.shape[2] > max(CHANNELS):
        return "numpy.moveaxis(image, 0, -1) puts the channels last"
    if image.ndim > COLOR_RANK:
        return "pass the images of a batch one by one"
    return "reshape it, or pick its channels with image[..., :3]"
