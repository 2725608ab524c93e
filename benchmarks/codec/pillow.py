"""Pillow as a codec, with the options that imgsvc has by itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

PILLOW_OPTIONS: dict[str, dict[str, Any]] = {"jpeg": {"quality": 90}, "png": {"compress_level": 1}}


def pillow_encode(pixels: NDArray[np.uint8], name: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, name.upper(), **PILLOW_OPTIONS[name])
    return buffer.getvalue()


def pillow_decode(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)
