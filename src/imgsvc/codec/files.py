"""Image files ↔ arrays, by Pillow.

The contract carries 8-bit gray and RGB, and so do the arrays here. What a file has beyond that is converted
by fixed rules, and what is lost is told.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from imgsvc._files import failure_of, replacing
from imgsvc.errors import ImageReadError, ImageWriteError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePath

    from numpy.typing import NDArray

__all__ = ["EncoderOptions", "Photo", "check_writable", "is_image_name", "read_image", "write_image"]

OPAQUE = 255
# Pillow knows these by name, and reads nothing of them but their size.
UNREADABLE = ("MPEG",)
# Pillow writes these with another size than the image's.
RESIZING = ("ICO", "ICNS")
# How the decoder's arguments say that it cuts 16 bits a channel of colour to 8; ``BGR;16`` is 5-6-5 bits.
DEEP_COLOR = re.compile(r"(RGB|LA|CMYK)\w*;16[BLN]")
MAX_16_BIT = 65535


@dataclasses.dataclass(frozen=True)
class Photo:
    """An image from a file.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (H, W) or (H, W, 3)
        Upright: the EXIF orientation is applied.
    icc_profile : bytes or None
        The colour profile of these pixels.
    notes : tuple of str
        What of the file was lost, one text each.
    """

    pixels: NDArray[np.uint8]
    icc_profile: bytes | None
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class EncoderOptions:
    """How files are written: fast rather than small."""

    jpeg_quality: int = 90
    png_compression: int = 1

    def for_format(self, name: str) -> dict[str, Any]:
        """Return Pillow's options for one of its formats."""
        return {
            "JPEG": {"quality": self.jpeg_quality},
            "WEBP": {"quality": self.jpeg_quality},
            "PNG": {"compress_level": self.png_compression},
        }.get(name, {})


@functools.cache
def formats() -> Mapping[str, str]:
    """Return the extensions that Pillow knows, with their formats' names."""
    return Image.registered_extensions()


def is_image_name(path: PurePath) -> bool:
    """Return whether a file's name says that it holds an image."""
    name = formats().get(path.suffix.lower())
    return name in Image.OPEN and name not in UNREADABLE


def read_image(path: Path) -> Photo:
    """Read the first frame of an image file of any format that Pillow reads, found from its content.

    Gray stays gray, all else becomes RGB: palettes are looked up, CMYK, YCbCr, LAB and HSV are converted,
    alpha is dropped (the colours stay as they are), 16 bits are rounded to 8 in gray and cut to 8 in colour.

    Raises
    ------
    ImageReadError
        There is no such file, or it is no image, or damaged, or has pixels of 32 bits.
    """
    try:
        with Image.open(path) as image:
            return _convert(image)
    except ImageReadError as error:
        raise ImageReadError(f"{path}: {error}") from error
    except FileNotFoundError:
        raise ImageReadError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise ImageReadError(f"{path}: not an image in a format that Pillow reads") from None
    except Image.DecompressionBombError as error:
        raise ImageReadError(f"{path}: too large: {error}") from error
    except Exception as error:
        raise ImageReadError(f"{path}: cannot be read: {failure_of(error)}") from error


def _convert(image: Image.Image) -> Photo:
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"only the first of {frames} frames is used")
    # Pillow decodes 16-bit colour into 8-bit modes; only the decoder's arguments tell.
    deep_color = any(DEEP_COLOR.search(str(tile)) for tile in getattr(image, "tile", ()))
    profile = image.info.get("icc_profile")
    ImageOps.exif_transpose(image, in_place=True)
    # PNG and PGM have no pixels of 32 bits; older Pillows read their 16 bits into this mode.
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        kind = "floats" if image.mode == "F" else "32-bit integers"
        raise ImageReadError(f"its pixels are {kind}: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        notes.append("16 bits are rounded to 8")
    if deep_color:
        notes.append("16 bits a channel are cut to 8")
    if image.has_transparency_data and _alpha_matters(image):
        notes.append("alpha is dropped")

    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.uint32)
        pixels = ((wide * OPAQUE + MAX_16_BIT // 2) // MAX_16_BIT).astype(np.uint8)
    else:
        mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
        if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            notes.append(f"{image.mode} is converted to RGB")
            profile = None  # it described the other colours
        if image.mode in ("P", "PA"):  # a transparent colour of a palette is a colour still
            image = image.convert("RGBA")
        pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return Photo(pixels, profile, tuple(notes))


def _alpha_matters(image: Image.Image) -> bool:
    return image.convert("RGBA").getchannel("A").getextrema() != (OPAQUE, OPAQUE)


def check_writable(path: Path) -> str:
    """Return the name of the format that a file's extension stands for, if such a file can be written.

    Raises
    ------
    ImageWriteError
        The extension is unknown or stands for a format that Pillow only reads, or there is no such folder.
    """
    name = formats().get(path.suffix.lower())
    if name is None or name not in Image.SAVE or name in RESIZING:
        known = "use .png, .jpg, .webp, .tif, .bmp or another that Pillow writes"
        raise ImageWriteError(f"{path}: no format for the extension {path.suffix!r} to write: {known}")
    # Unlike the methods of Path, this answers False where a name is too long or a folder may not be searched.
    if os.path.isdir(path):  # noqa: PTH112
        raise ImageWriteError(f"{path}: is a folder")
    if not os.path.isdir(path.parent):  # noqa: PTH112
        raise ImageWriteError(f"{path}: there is no folder {path.parent}: create it first")
    return name


def write_image(path: Path, photo: Photo, options: EncoderOptions | None = None) -> None:
    """Write an image in the format of the file's extension; the file is there in full or not at all.

    Raises
    ------
    ImageWriteError
        See `check_writable`; or the format cannot hold the image, or the disk cannot.
    """
    name = check_writable(path)
    save = (options or EncoderOptions()).for_format(name)
    if photo.icc_profile:
        save["icc_profile"] = photo.icc_profile
    try:
        with replacing(path) as file:
            Image.fromarray(photo.pixels).save(file, format=name, **save)
    except Exception as error:
        raise ImageWriteError(f"{path}: cannot be written: {failure_of(error)}") from error
