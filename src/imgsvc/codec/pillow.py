"""Pillow's readers, one by name: nothing is tried, nothing is global, and nobody warns."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, JpegImagePlugin

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile


def opened(name: str, data: bytes) -> ImageFile:
    """Return an image whose pixels are not decoded yet.

    `Image.open` would warn of large images and of readers that give up, and filters for warnings belong to
    the whole process; limits are checked here before.
    """
    Image.init()
    if name == "jpeg":  # not the factory, which looks for several pictures in the file
        return JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    factory, _ = Image.OPEN[name.upper()]
    return factory(io.BytesIO(data), "")


def load(image: Picture, *, partial: bool) -> None:
    """Decode the pixels; if `partial` those that are there, and zeros for the others.

    Pillow's own switch for that is one for all threads. It decodes into an image of zeros, which is there
    still where it gives up, and has only to be told that nothing more is to be read.
    """
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        if not partial:
            raise
        image.tile = []  # type: ignore[attr-defined]  # of a file's image, as all are that can fail
        image.load()
