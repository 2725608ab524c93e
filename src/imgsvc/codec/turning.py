"""Upright images of those that are stored on their side."""

from __future__ import annotations

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
        return np.ascontiguousarray(_view(pixels, orientation))
    # Turning the rows of the other side first makes transpositions of the quarter turns.
    match orientation:
        case 2:
            return Flip(1)(pixels, num_threads=1)
        case 3:
            return Rotate90(2)(pixels, num_threads=1)
        case 4:
            return Flip(0)(pixels, num_threads=1)
        case 5:
            return Rotate90(3)(pixels[::-1], num_threads=1)
        case 6:
            return Rotate90(3)(pixels, num_threads=1)
        case 7:
            return Rotate90(1)(pixels[::-1], num_threads=1)
        case _:
            return Rotate90(1)(pixels, num_threads=1)


def _view(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    match orientation:
        case 2:
            return pixels[:, ::-1]
        case 3:
            return pixels[::-1, ::-1]
        case 4:
            return pixels[::-1]
        case 5:
            return pixels.swapaxes(0, 1)
        case 6:
            return pixels[::-1].swapaxes(0, 1)
        case 7:
            return pixels[::-1, ::-1].swapaxes(0, 1)
        case _:
            return pixels[:, ::-1].swapaxes(0, 1)
