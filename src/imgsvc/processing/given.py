"""Images as callers give them: an array, a file's bytes or path, or a Pillow image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from imgsvc._files import failure_of
from imgsvc._images import check_image
from imgsvc.errors import ImageReadError, InvalidImageError
from imgsvc.operations import Rotate90
from imgsvc.recipes.source import ImageFile, RawImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc.recipes.source import Source

    ImageLike = NDArray[Any] | bytes | bytearray | memoryview | str | os.PathLike[str] | PillowImage.Image

__all__ = ["Given", "copy_pixels", "read_file", "read_given"]

MESSAGE_BYTES = 2**31 - 1 - (1 << 20)
"""protobuf ends at 2 GiB; what stands around the image takes far less than the rest."""

# What NumPy makes of Pillow's modes; others are converted.
AS_THEY_ARE = ("L", "RGB", "RGBA", "F")
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


def read_given(image: ImageLike, most: int = MESSAGE_BYTES) -> Given:
    """Return what recipes take for an image, which may be the path of a file to be read.

    A Pillow image becomes upright pixels, gray, RGB or RGBA, and float32 or uint16 where it has those.

    Parameters
    ----------
    most
        Bytes that it may have.

    Raises
    ------
    InvalidImageError
        It is none of these, or has more bytes.
    ImageReadError
        The file cannot be read.
    """
    if isinstance(image, str | os.PathLike):
        return _file(read_file(Path(image), most), most)
    if isinstance(image, bytes | bytearray | memoryview):
        return _file(image, most)
    if isinstance(image, PillowImage.Image):
        upright = ImageOps.exif_transpose(image)
        return _pixels(_as_array(upright), upright.info.get("icc_profile"), most)
    given: object = image
    if not isinstance(given, np.ndarray):
        expected = "an array, an image file's bytes or path, or a Pillow image"
        raise InvalidImageError("image", type(given).__name__, expected)
    return _pixels(given, None, most)


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
