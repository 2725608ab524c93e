"""Upright images of those that are stored on their side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.operations import Flip, Rotate90

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDEWAYS = range(5, 9)
"""The orientations that exchange width and height."""


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return what an image of an EXIF orientation looks like upright, in one pass."""
    if orientation == 1:
        return pixels
    if pixels.dtype != np.uint8:
        return np.ascontiguousarray(VIEWS[orientation](pixels))
    operation, upside_down = KERNELS[orientation]
    return operation(pixels[::-1] if upside_down else pixels, num_threads=1)


# A quarter turn of the image upside down is a transposition along one of the diagonals.
KERNELS = {
    2: (Flip(1), False),
    3: (Rotate90(2), False),
    4: (Flip(0), False),
    5: (Rotate90(3), True),
    6: (Rotate90(3), False),
    7: (Rotate90(1), True),
    8: (Rotate90(1), False),
}
VIEWS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
