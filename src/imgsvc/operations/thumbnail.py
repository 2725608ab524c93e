"""Thumbnails: an image of at most 64 pixels a side, by which a large one is looked at.

It is what `imgsvc.resize` makes with ``resample="box"`` and ``fit="inside"``: each pixel is the mean of those
that it covers; the longer side becomes 64, and the other follows by the image's ratio, to nearest, ties to
even, and is at least 1. An image that is no larger is its own thumbnail.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imgsvc import _dispatch
from imgsvc._images import as_rows
from imgsvc._threads import threads_for
from imgsvc.operations import filters
from imgsvc.operations.alpha import is_weighted
from imgsvc.operations.fitting import fitted
from imgsvc.operations.scratch import for_threads
from imgsvc.operations.stopping import go_on

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop
    from imgsvc.errors import InvalidInputError

__all__ = [
    "LONGEST",
    "SIDE",
    "check_thumbnail",
    "thumbnail",
    "thumbnail_bytes",
    "thumbnail_cost",
    "thumbnail_size",
]

SIDE = 64
"""Pixels of a thumbnail's longer side."""

LONGEST = SIDE * (filters.MAX_TAPS - 2)
"""Pixels of an image's longer side: of more, one of the thumbnail would be the mean of too many."""

COST = 2
"""Bytes that are copied while one is looked at: it takes as long as a mean filter."""

SCRATCH_BYTES = 192 << 10
"""Of a thread: rows of 1024 bytes and results of 64 pixels, as floats."""


def thumbnail_size(shape: Shape) -> tuple[int, int]:
    """Return the rows and columns of the thumbnail for an image of `shape`."""
    return fitted((shape[0], shape[1]), (SIDE, SIDE), "inside", "center", enlarge=False).size


def check_thumbnail(field: str, shape: Shape, kind: type[InvalidInputError], otherwise: str = "") -> None:
    """Raise an error of a kind if an image of `shape` is too long for a thumbnail.

    Parameters
    ----------
    field
        What it is about.
    otherwise
        What helps, if anything does.
    """
    if max(shape[:2]) > LONGEST:
        raise kind(field, f"an image of {shape[1]}×{shape[0]}", f"sides of at most {LONGEST}{otherwise}")


def thumbnail_cost(shape: Shape) -> int:
    """Return what a thumbnail costs, in bytes that are copied meanwhile."""
    return COST * math.prod(shape)


def thumbnail_bytes(shape: Shape, num_threads: int) -> int:
    """Return how many bytes, at most, it takes to make a thumbnail."""
    size = thumbnail_size(shape)
    tables = sum(map(filters.windows_bytes, shape[:2], size, ["box"] * 2))
    taps = map(filters.most_taps, shape[:2], size, ["box"] * 2)
    making = max(map(filters.making_bytes, size, taps))
    return tables + making + for_threads(SCRATCH_BYTES, num_threads)


def thumbnail(image: Image, num_threads: int | None, stop: Stop) -> Image:
    """Return the thumbnail of an image of 8 bits; the image itself where that is no larger.

    Raises
    ------
    StoppedError
        `stop` said so.
    """
    size = thumbnail_size(image.shape)
    if size == image.shape[:2]:
        return image
    rows, columns = (filters.windows(image.shape[axis], size[axis], "box", stop) for axis in range(2))
    kernel = _dispatch.kernels().Resample(rows, columns, is_weighted("weighted", image.shape))
    small = np.empty((*size, *image.shape[2:]), np.uint8)
    kernel(as_rows(image), as_rows(small), threads_for(math.prod(image.shape), num_threads), stop)
    go_on(stop)
    return small
