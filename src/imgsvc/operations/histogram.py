"""Histograms: how many pixels of an image have each value.

The kernel counts tiles, each by itself, in 32 bits; their sums are exact at any number of threads.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imgsvc import _dispatch
from imgsvc._images import as_rows
from imgsvc._threads import threads_for
from imgsvc.operations.scratch import channels_of, for_threads
from imgsvc.operations.stopping import go_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop

__all__ = ["histogram", "histogram_bytes", "histogram_cost"]

VALUES = 256

TILE_BYTES, MOST_COLUMNS = 1 << 18, 1 << 16
"""Of a tile: what is counted in less than a tenth of a millisecond."""

COST = 6
"""Bytes that are copied while one is counted: it takes as long as three mean filters."""

COUNT_BYTES, SUM_BYTES, TABLES = 4, 8, 4
"""Of a value of a tile, and of all; and how many tables the kernel has for each channel."""

BUFFER_BYTES = 1 << 16
"""What NumPy casts at a time where it sums."""


def histogram_cost(shape: Shape) -> int:
    """Return what a histogram costs, in bytes that are copied meanwhile."""
    return COST * math.prod(shape)


def histogram_bytes(shape: Shape, num_threads: int) -> int:
    """Return how many bytes, at most, it takes to make a histogram."""
    values = VALUES * channels_of(shape)
    scratch = for_threads(TABLES * COUNT_BYTES * values, num_threads)
    summing = SUM_BYTES * values + BUFFER_BYTES
    return math.prod(_tiles(shape)) * COUNT_BYTES * values + summing + scratch


def histogram(image: Image, num_threads: int | None, stop: Stop) -> NDArray[np.int64]:
    """Return how many pixels of an image of 8 bits have each of the 256 values, a row for each channel.

    Raises
    ------
    StoppedError
        `stop` said so.
    """
    rows = as_rows(image)
    counts = np.empty((math.prod(_tiles(rows.shape)), VALUES * rows.shape[2]), np.uint32)
    kernel = _dispatch.kernels().Histogram(*_tile(rows.shape))
    kernel(rows, as_rows(counts.view(np.uint8)), threads_for(histogram_cost(rows.shape), num_threads), stop)
    go_on(stop)
    found: NDArray[np.int64] = counts.sum(axis=0, dtype=np.int64)
    return found.reshape(-1, VALUES)


def _tile(shape: Shape) -> tuple[int, int]:
    """Return the rows and columns of what is counted by itself."""
    columns = min(shape[1], MOST_COLUMNS)
    return max(TILE_BYTES // (columns * channels_of(shape)), 1), columns


def _tiles(shape: Shape) -> tuple[int, int]:
    """Return how many of these there are, down and across."""
    rows, columns = _tile(shape)
    return -(-shape[0] // rows), -(-shape[1] // columns)
