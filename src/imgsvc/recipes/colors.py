"""Colours of an image in short: the average and the dominant ones.

All of it is integers, so that it is the same everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "COLORS_BYTES",
    "COLORS_COST",
    "MOST_DOMINANT",
    "DominantColor",
    "average_color",
    "dominant_colors",
]

MOST_DOMINANT = 5
OPAQUE = 255
GRAY_RANK, RGB, RGBA = 2, 3, 4

COLORS_COST, COLORS_BYTES = 2_500_000, 1 << 20
"""What it takes to find colours in a thumbnail: bytes that are copied meanwhile, and memory."""


class DominantColor(NamedTuple):
    """A colour that much of an image has."""

    color: tuple[int, int, int]
    """Red, green and blue."""
    per_mille: int
    """How much of what can be seen has it, or one that is near."""


def average_color(pixels: NDArray[np.uint8]) -> tuple[int, int, int] | None:
    """Return the mean colour of an image; None where nothing of it can be seen.

    With values c of a channel and alpha a, which is 255 without any::

        average = (2 * sum(c * a) + sum(a)) // (2 * sum(a))

    which is the mean to nearest, ties up; gray is red, green and blue.
    """
    colors, alpha = _colors_and_alpha(pixels)
    return _mean(colors, alpha) if alpha.any() else None


def dominant_colors(pixels: NDArray[np.uint8]) -> tuple[DominantColor, ...]:
    """Return at most five colours that most of an image has, the first of most of it.

    Colours are of one cell where red, green and blue have the same three upper bits: there are 512 cells of
    32 values a side. A cell weighs the sum of its pixels' alpha; the five heaviest are taken, of equal ones
    that with less red, then green, then blue first. Its colour is the mean of its pixels, as of
    `average_color`, and its share, in thousandths of all, is ``(2000 * weight + all) // (2 * all)``.
    """
    colors, alpha = _colors_and_alpha(pixels)
    upper = colors >> 5
    cells = (upper[:, 0] << 6) | (upper[:, 1] << 3) | upper[:, 2]
    weights = np.bincount(cells, alpha, 512).astype(np.int64)  # of 64×64 pixels: exact
    whole = int(weights.sum())
    found = []
    for cell in np.argsort(-weights, kind="stable")[:MOST_DOMINANT]:
        weight = int(weights[cell])
        if weight:
            inside = cells == cell
            share = (2000 * weight + whole) // (2 * whole)
            found.append(DominantColor(_mean(colors[inside], alpha[inside]), share))
    return tuple(found)


def _colors_and_alpha(pixels: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the pixels as rows of red, green and blue, and their alpha."""
    channels = 1 if pixels.ndim == GRAY_RANK else pixels.shape[2]
    rows = pixels.reshape(-1, channels).astype(np.int64)
    alpha = rows[:, 3] if channels == RGBA else np.full(len(rows), OPAQUE, np.int64)
    return (rows[:, :3] if channels >= RGB else np.repeat(rows, RGB, axis=1)), alpha


def _mean(colors: NDArray[Any], alpha: NDArray[Any]) -> tuple[int, int, int]:
    whole = int(alpha.sum())
    red, green, blue = ((2 * int(each) + whole) // (2 * whole) for each in alpha @ colors)
    return red, green, blue
