"""What to see of an image of which not all can be seen: positions by what it shows.

It is the image's thumbnail that is looked at; from there on all is integers, so the same part is found
everywhere. Of windows that are as good as each other the topmost counts, and of these the leftmost.

For ``entropy`` the window is taken whose gray levels, in 32 steps, are the most evenly spread: that of the
largest Shannon entropy. For ``attention`` each pixel is worth its contrast with its four neighbours, its
saturation, and how near it is to the hue of skin, whatever its lightness, 0 to 255 each; a window is worth
the sum, in which pixels count the more the nearer they are to its middle. What is transparent is worth
nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imgsvc._images import GRAY_RANK
from imgsvc.errors import InvalidParameterError
from imgsvc.operations.alpha import RGBA
from imgsvc.operations.colors import LUMA, LUMA_BITS
from imgsvc.operations.depth import as_bytes
from imgsvc.operations.parameters import rounded
from imgsvc.operations.thumbnail import (
    SIDE,
    check_thumbnail,
    thumbnail,
    thumbnail_bytes,
    thumbnail_cost,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop

    Values = NDArray[np.int64]

__all__ = ["best_offset", "check_looked_at", "looking_bytes", "looking_cost"]

CHOOSING, CHOOSING_BYTES = 12_000_000, 4 << 20
"""What it takes to choose a window in the thumbnail: bytes that are copied meanwhile, and memory."""

STEP_BITS, STEPS = 3, 32
"""Levels that count as one, of gray."""

DARK, LIGHT = 12, 243
"""Levels between which there is a saturation to speak of."""

SKIN, NEAR = (112, 81), 12
"""Red and green of skin among 256 of all three, and what a step away from these takes off."""

COUNTS = np.arange(SIDE * SIDE + 1)
SURPRISE: Values = np.rint(COUNTS * np.log2(np.maximum(COUNTS, 1)) * (1 << 16)).astype(np.int64)
"""n log2(n), of n pixels of a level: the less there is of it in a window, the larger is its entropy."""


def check_looked_at(shape: Shape) -> None:
    """Raise InvalidParameterError if an image of `shape` is too long to be looked at."""
    check_thumbnail("position", shape, InvalidParameterError, ": name a place instead")


def looking_cost(shape: Shape) -> int:
    """Return what it costs to look at an image of `shape`, in bytes that are copied meanwhile."""
    return thumbnail_cost(shape) + CHOOSING


def looking_bytes(shape: Shape, num_threads: int) -> int:
    """Return how many bytes, at most, it takes to look at an image of `shape`, of any depth."""
    return math.prod(shape) + CHOOSING_BYTES + thumbnail_bytes(shape, num_threads)


def best_offset(
    image: Image,
    whole: tuple[int, int],
    window: tuple[int, int],
    position: str,
    *,
    num_threads: int | None,
    stop: Stop,
) -> tuple[int, int]:
    """Return the row and column at which the window begins that shows the most.

    Parameters
    ----------
    image
        What is looked at.
    whole, window
        The rows and columns of the image and of the window; both may be of the image in another size.
    position : {"entropy", "attention"}
        What counts.

    Raises
    ------
    StoppedError
        `stop` said so.
    """
    small = thumbnail(as_bytes(image, num_threads, stop), num_threads, stop).astype(np.int64)
    sizes = [
        min(max(rounded(part * length, all_of_it), 1), length)
        for part, length, all_of_it in zip(window, small.shape[:2], whole, strict=True)
    ]
    worth = (_entropy if position == "entropy" else _attention)(small, sizes)
    row, column = divmod(int(np.argmax(worth)), worth.shape[1])
    return (
        _whole_offset(row, worth.shape[0] - 1, whole[0] - window[0]),
        _whole_offset(column, worth.shape[1] - 1, whole[1] - window[1]),
    )


def _whole_offset(at: int, most: int, free: int) -> int:
    """Return what of `free` pixels goes before, if of `most` small ones `at` do; half, without any."""
    return rounded(at * free, most, 0) if most else free // 2


def _gray(small: Values) -> Values:
    """Return the luma of a thumbnail, as `imgsvc.grayscale` has it; of what is transparent 0."""
    if small.ndim == GRAY_RANK or small.shape[2] == 1:
        return small.reshape(small.shape[:2])
    gray: Values = small[..., :3] @ np.array(LUMA) + (1 << (LUMA_BITS - 1)) >> LUMA_BITS
    return _opaque(gray, small)


def _opaque(values: Values, small: Values) -> Values:
    return values * small[..., 3] // 255 if small.shape[2:] == (RGBA,) else values


def _entropy(small: Values, sizes: list[int]) -> Values:
    """Return the negative of what windows lack of the largest entropy."""
    rows, columns = sizes
    levels = _gray(small) >> STEP_BITS
    worth = np.zeros((small.shape[0] - rows + 1, small.shape[1] - columns + 1), np.int64)
    for level in np.unique(levels):
        sums = np.pad((levels == level).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        strips = sums[rows:] - sums[:-rows]
        worth -= SURPRISE[strips[:, columns:] - strips[:, :-columns]]
    return worth


def _attention(small: Values, sizes: list[int]) -> Values:
    """Return the sums over windows of what pixels are worth."""
    values = _worth(small)
    down, across = map(_weights, values.shape, sizes)
    worth: Values = down @ values @ across.T
    return worth


def _worth(small: Values) -> Values:
    gray = _gray(small)
    around = np.pad(gray, 1, "edge")
    beside = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    contrast: Values = np.minimum(abs(4 * gray - beside), 255)
    if small.ndim == GRAY_RANK or small.shape[2] == 1:
        return contrast
    colors = small[..., :3]
    saturation = np.where((gray > DARK) & (gray < LIGHT), np.ptp(colors, -1), 0)
    shares = 256 * colors[..., :2] // np.maximum(colors.sum(-1), 1)[..., np.newaxis]
    skin = np.maximum(255 - NEAR * abs(shares - SKIN).sum(-1), 0) * (gray > DARK)
    return contrast + _opaque(saturation + skin, small)


def _weights(length: int, size: int) -> Values:
    """Return a row for each window along an axis: what pixels count in it, the most in its middle."""
    at = np.arange(size)
    tent = np.minimum(at, at[::-1]) + 1
    rows = np.zeros((length - size + 1, length), np.int64)
    for start, row in enumerate(rows):
        row[start : start + size] = tent
    return rows
