"""What to see of an image of which not all can be seen: positions by what it shows.

The image is made small, to at most 64 pixels a side, each of which is the mean of those that it covers; from
there on all is integers, so the same part is found everywhere. Of windows that are as good as each other the
topmost counts, and of these the leftmost.

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

from imgsvc import _dispatch
from imgsvc._images import GRAY_RANK, UINT8, as_rows
from imgsvc._threads import threads_for
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import filters
from imgsvc.operations.alpha import RGBA, is_weighted
from imgsvc.operations.colors import LUMA, LUMA_BITS
from imgsvc.operations.depth import Convert
from imgsvc.operations.fitting import fitted
from imgsvc.operations.parameters import rounded
from imgsvc.operations.scratch import for_threads
from imgsvc.operations.stopping import go_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop

    Values = NDArray[np.int64]

__all__ = ["as_bytes", "best_offset", "check_looked_at", "looking_bytes", "looking_cost"]

MOST = 64
"""Pixels a side of the small image."""

CHOOSING, CHOOSING_BYTES = 12_000_000, 4 << 20
"""What it takes to choose a window in the small image: bytes that are copied meanwhile, and memory."""

SCRATCH_BYTES = 192 << 10
"""Of a thread while it makes the image small: rows of 1024 bytes and results of 64 pixels, as floats."""

STEP_BITS, STEPS = 3, 32
"""Levels that count as one, of gray."""

DARK, LIGHT = 12, 243
"""Levels between which there is a saturation to speak of."""

SKIN, NEAR = (112, 81), 12
"""Red and green of skin among 256 of all three, and what a step away from these takes off."""

COUNTS = np.arange(MOST * MOST + 1)
SURPRISE: Values = np.rint(COUNTS * np.log2(np.maximum(COUNTS, 1)) * (1 << 16)).astype(np.int64)
"""n log2(n), of n pixels of a level: the less there is of it in a window, the larger is its entropy."""


def check_looked_at(shape: Shape) -> None:
    """Raise InvalidParameterError if an image of `shape` is too long to be made that small."""
    longest = MOST * filters.MAX_TAPS // 2
    if max(shape[:2]) > longest:
        expected = f"sides of at most {longest}: name a place instead"
        raise InvalidParameterError("position", f"an image of {shape[1]}×{shape[0]}", expected)


def looking_cost(shape: Shape) -> int:
    """Return what it costs to look at an image of `shape`, in bytes that are copied meanwhile."""
    return math.prod(shape) + CHOOSING


def looking_bytes(shape: Shape, num_threads: int) -> int:
    """Return how many bytes, at most, it takes to look at an image of `shape`, of any depth."""
    size = _small_size(shape)
    tables = sum(map(filters.windows_bytes, shape[:2], size, ["box"] * 2))
    taps = map(filters.most_taps, shape[:2], size, ["box"] * 2)
    making = max(map(filters.making_bytes, size, taps))
    return math.prod(shape) + CHOOSING_BYTES + tables + making + for_threads(SCRATCH_BYTES, num_threads)


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
    small = _small(as_bytes(image, num_threads, stop), num_threads, stop).astype(np.int64)
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


def as_bytes(image: Image, num_threads: int | None, stop: Stop) -> Image:
    """Return an image of 8 bits, by which one of more is looked at."""
    if image.dtype == UINT8:
        return image
    result = np.empty(image.shape, np.uint8)
    Convert().compute(image, result, num_threads, stop)
    return result


def _small_size(shape: Shape) -> tuple[int, int]:
    return fitted((shape[0], shape[1]), (MOST, MOST), "inside", "center", enlarge=False).size


def _small(image: Image, num_threads: int | None, stop: Stop) -> Image:
    """Return the small image: what `imgsvc.resize` makes of it with ``resample="box"``."""
    size = _small_size(image.shape)
    if size == image.shape[:2]:
        return image
    rows, columns = (filters.windows(image.shape[axis], size[axis], "box", stop) for axis in range(2))
    kernel = _dispatch.kernels().Resample(rows, columns, is_weighted("weighted", image.shape))
    small = np.empty((*size, *image.shape[2:]), np.uint8)
    kernel(as_rows(image), as_rows(small), threads_for(math.prod(image.shape), num_threads), stop)
    go_on(stop)
    return small


def _whole_offset(at: int, most: int, free: int) -> int:
    """Return what of `free` pixels goes before, if of `most` small ones `at` do; half, without any."""
    return rounded(at * free, most, 0) if most else free // 2


def _gray(small: Values) -> Values:
    """Return the luma of a small image, as `imgsvc.grayscale` has it; of what is transparent 0."""
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
