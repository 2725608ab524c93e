"""BMP: what Pillow's reader says of its header."""

from __future__ import annotations

from imgsvc.codec.pillow import opened
from imgsvc.codec.source import Source

CHANNELS = {"1": 1, "L": 1, "P": 3, "RGB": 3, "RGBA": 4}


def read(data: bytes, frames: int, *, whole: bool) -> Source:  # noqa: ARG001 - there is one
    """Read the header."""
    with opened("bmp", data if whole else data[:4096]) as image:
        return Source("bmp", image.width, image.height, CHANNELS.get(image.mode, 3), data if whole else b"")
