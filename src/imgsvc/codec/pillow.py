"""Pillow's readers, one by name: nothing is tried, nothing is global, and nobody warns."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, JpegImagePlugin

if TYPE_CHECKING:
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
