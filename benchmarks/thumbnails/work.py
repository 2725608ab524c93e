"""What a thumbnail is here: from which photo, how wide, and in which format."""

from __future__ import annotations

import dataclasses
import functools
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from benchmarks.service.images import Image as Pixels
    from benchmarks.service.images import Shape

WIDTH, QUALITY = 512, 80

PHOTO_QUALITY = 90


@dataclasses.dataclass(frozen=True)
class Work:
    """Photos of `shape`, made smaller, in `format`."""

    name: str
    shape: Shape
    format: str


WORKS = (
    Work("1600x1200 to JPEG", (1200, 1600, 3), "jpeg"),
    Work("4000x3000 to JPEG", (3000, 4000, 3), "jpeg"),
    Work("1600x1200 to WebP", (1200, 1600, 3), "webp"),
)


def thumbnail_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of a thumbnail."""
    return WIDTH, round(height * WIDTH / width)


@functools.cache
def photo(shape: Shape) -> bytes:
    """Return a JPEG of shapes of all sizes, with the noise of a camera; the same in every process."""
    height, width = shape[:2]
    random = np.random.default_rng(seed=2026)
    pixels = np.full(shape, 128.0, np.float32)
    for cells in (4, 12, 36, 108, 324):
        coarse = random.normal(0, 70 / cells**0.4, (cells * 3 // 4, cells, 3)).astype(np.float32)
        for channel in range(3):
            plane = Image.fromarray(coarse[..., channel]).resize((width, height), Image.Resampling.BICUBIC)
            pixels[..., channel] += np.asarray(plane)
    pixels += random.normal(0, 2, shape).astype(np.float32)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=PHOTO_QUALITY)
    return file.getvalue()


def opened(data: bytes) -> Pixels:
    """Return the pixels of a file."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def check(answer: Pixels, shape: Shape) -> None:
    """Assert that an answer is a thumbnail of `photo(shape)`: encoders and filters may differ a little."""
    with Image.open(io.BytesIO(photo(shape))) as image:
        right = np.asarray(image.resize(thumbnail_size(*image.size), Image.Resampling.LANCZOS))
    assert answer.shape == right.shape
    assert np.abs(answer.astype(np.int16) - right).mean() < 6
