"""Images as callers give them: arrays, files (bytes, paths, or open), Pillow images, results."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from imgsvc._files import failure_of
from imgsvc._images import check_image
from imgsvc.codec import decode
from imgsvc.errors import ImageReadError, InvalidImageError, UndecodableImageError
from imgsvc.operations import Rotate90
from imgsvc.processing.open_files import is_readable, read_open
from imgsvc.processing.result import Result
from imgsvc.recipes.source import ImageFile, RawImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc._images import ImageLike
    from imgsvc.recipes.source import Source

__all__ = ["Given", "array_of", "copy_pixels", "is_slow", "read_file", "read_given", "with_pixels"]

MESSAGE_BYTES = 2**31 - 1 - (1 << 20)
"""protobuf ends at 2 GiB; what stands around the image takes far less than the rest."""

# What NumPy makes of Pillow's modes; others are converted.
AS_THEY_ARE = ("L", "RGB", "RGBA", "F", "I")
INTEGERS = "I"
"""Of 32 bits, in which Pillow also has what 16 bits would hold."""
GRAY, COLOR, ALPHA = ("1", "L"), "RGB", "RGBA"

# Of large images a kernel makes a copy in half the time that NumPy takes, of small ones NumPy.
COPY = Rotate90(0)
COPIED_BY_NUMPY = 1 << 16


class Given(NamedTuple):
    """An image as the service takes it."""

    source: Source
    pixels: NDArray[Any] | None
    """To be copied into the request; a file is part of the source."""

    @property
    def num_bytes(self) -> int:
        """How much of a request it is."""
        return len(self.source.data) if isinstance(self.source, ImageFile) else self.pixels.nbytes  # type: ignore[union-attr]

    @property
    def has_channel_axis(self) -> bool:
        """Whether it is gray, of shape (H, W, 1)."""
        return self.pixels is not None and self.pixels.shape[2:] == (1,)


class _Pixels(NamedTuple):
    """Pixels that nobody has checked."""

    array: Any
    icc_profile: bytes | None = None


def read_given(image: ImageLike, most: int = MESSAGE_BYTES) -> Given:
    """Return what recipes take for an image, of which a file is read.

    A Pillow image becomes upright pixels, gray, RGB or RGBA, and float32 or uint16 where it has those; 32-bit
    integers become uint16. Of an open file all is read from where it stands. A `Result` is the file that it
    is, or its pixels.

    Parameters
    ----------
    most
        Bytes that it may have.

    Raises
    ------
    InvalidImageError
        It is none of these, or has more bytes, or 32-bit integers that are more than 16 bits hold.
    ImageReadError
        The file cannot be read.
    """
    content = _content(image, most)
    if content is None:
        expected = "an array, an image file's bytes or path, or one that is open, or a Pillow image"
        raise InvalidImageError("image", type(image).__name__, expected)
    return _pixels(*content, most) if isinstance(content, _Pixels) else _file(content, most)


def with_pixels(given: Given) -> Source:
    """Return an image with its pixels, for work in this process."""
    if not isinstance(given.source, RawImage) or given.pixels is None:
        return given.source
    pixels: Any = np.ascontiguousarray(given.pixels).reshape(given.source.shape)
    return dataclasses.replace(given.source, pixels=pixels)


def array_of(image: object) -> Any:
    """Return the pixels of what `read_given` takes, as the functions on arrays want them; nothing is checked.

    A file becomes upright pixels of 8 bits in sRGB. What is no image is returned as it is.

    Raises
    ------
    InvalidInputError
        It is a file that cannot be decoded, or has more than 100 million pixels.
    ImageReadError
        The file cannot be read.
    """
    if isinstance(image, Result) and image.pixels is not None:
        return image.pixels
    content = _content(image, sys.maxsize)
    if content is None:
        return image
    if isinstance(content, _Pixels):
        return content.array
    return decode(_file(content, sys.maxsize).source.data).frames[0]  # type: ignore[union-attr] # a file


def is_slow(image: object) -> bool:
    """Return whether reading it may take long, as of a file: an event loop has a thread do it."""
    return not isinstance(image, np.ndarray | bytes | bytearray | memoryview)


def _content(image: Any, most: int) -> bytes | bytearray | memoryview | _Pixels | None:
    """Return the bytes of a file, or pixels; None of what is no image."""
    if isinstance(image, np.ndarray):
        return _Pixels(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return image
    if isinstance(image, Result):
        return image.data if image.pixels is None else _Pixels(image.pixels, image.icc_profile)
    if isinstance(image, PillowImage.Image):
        _check_size(image.width * image.height, most)
        return _from_pillow(image)
    if hasattr(type(image), "__array__"):
        return _Pixels(_from_protocol(image))
    return _from_file(image, most)


def _from_file(image: Any, most: int) -> bytes | None:
    if isinstance(image, str | os.PathLike):
        return read_file(Path(image), most)
    return read_open(image, most) if is_readable(image) else None


def _from_pillow(image: PillowImage.Image) -> _Pixels:
    try:
        upright = ImageOps.exif_transpose(image)
        pixels = _as_array(upright)
    except (OSError, SyntaxError, ValueError) as error:  # it is loaded now, or closed
        reason = " ".join(str(error).split())[:120]
        raise UndecodableImageError(
            "image", f"a Pillow image ({reason})", "one that can be loaded"
        ) from error
    if upright.mode == INTEGERS:
        pixels = _as_uint16(pixels)
    return _Pixels(pixels, upright.info.get("icc_profile"))


def _from_protocol(image: Any) -> NDArray[Any]:
    """Return the array of an object that says it has one; of a subclass where it is, as of masked arrays."""
    try:
        return np.asanyarray(image)
    except Exception as error:  # a stranger's code
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InvalidImageError(
            "image", f"{type(image).__name__}, which gives no array ({reason})", "one whose __array__ works"
        ) from error


def copy_pixels(pixels: NDArray[Any], room: NDArray[Any]) -> None:
    """Copy an image into a request."""
    if pixels.dtype != np.uint8 or pixels.size <= COPIED_BY_NUMPY:
        room[...] = pixels.reshape(room.shape)
    else:
        COPY(pixels.reshape(room.shape), out=room, num_threads=1)


def read_file(path: Path, most: int = MESSAGE_BYTES) -> bytes:
    """Return the bytes of a file, `most` at most.

    Raises
    ------
    ImageReadError
        It cannot be read, or is larger.
    """
    try:
        if path.is_file():
            size = path.stat().st_size
            if size > most:
                raise ImageReadError(f"{path}: {size} bytes, a message ends at {most}")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else failure_of(error)
        raise ImageReadError(f"{path}: {reason}") from error


def _file(data: bytes | bytearray | memoryview, most: int) -> Given:
    view = data if isinstance(data, bytes) else memoryview(data)
    if isinstance(view, memoryview):
        if not view.c_contiguous:
            raise InvalidImageError("image", "a strided memoryview", "bytes in one piece")
        view = view.cast("B")
    if not len(view):
        raise InvalidImageError("image", "0 bytes", "an image file")
    _check_size(len(view), most)
    return Given(ImageFile(view), None)


def _pixels(image: NDArray[Any], icc_profile: bytes | None, most: int) -> Given:
    image = check_image(image, deep=True)
    _check_size(image.nbytes, most)
    shape = image.shape[:2] if image.shape[2:] == (1,) else image.shape
    return Given(RawImage(shape, image.dtype, None, icc_profile), image)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise InvalidImageError("image", f"{size} bytes", f"at most {most}: a message ends there")


def _as_array(image: PillowImage.Image) -> NDArray[Any]:
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode not in AS_THEY_ARE:
        mode = ALPHA if image.has_transparency_data else "L" if image.mode in GRAY else COLOR
        image = image.convert(mode)
    return np.asarray(image)


def _as_uint16(integers: NDArray[Any]) -> NDArray[np.uint16]:
    low, high = int(integers.min(initial=0)), int(integers.max(initial=0))
    if low < 0 or high > np.iinfo(np.uint16).max:
        held = f"a Pillow image of 32-bit integers, from {low} to {high}"
        expected = "0 to 65535, which 16 bits hold: scale np.asarray(image) to these"
        raise InvalidImageError("image", held, expected)
    return integers.astype(np.uint16)
