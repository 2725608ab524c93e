"""What the kernels are benchmarked on."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Shape = tuple[int, ...]

SHAPES: dict[str, Shape] = {
    "4000x3000-rgb": (3000, 4000, 3),
    "4000x3000-gray": (3000, 4000),
    "640x480-rgb": (480, 640, 3),
    "640x480-gray": (480, 640),
    "64x64-rgb": (64, 64, 3),
}

WITH_ALPHA: dict[str, Shape] = {"4000x3000-rgba": (3000, 4000, 4), "640x480-rgba": (480, 640, 4)}
"""For what has to do with alpha alone."""

SMALL = "64x64-rgb"
"""Where a call costs more than its pixels."""


@functools.cache
def make_image(name: str) -> Image:
    """Return the image of a name: noise, the same in every run and for everybody."""
    image = np.random.default_rng(seed=2026).integers(0, 256, (SHAPES | WITH_ALPHA)[name], np.uint8)
    image.flags.writeable = False
    return image
