"""TIFF of 16 bits a channel in colour, which Pillow does not write. Source: TIFF 6.0, 2, 14 and 18."""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING

import numpy as np

from imgsvc.codec import tiff_directory as tags
from imgsvc.codec.tiff_directory import LONG, SHORT, Entry, Layout, Page, rewritten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["encode"]

LITTLE = Layout("<", big=False)
BEGIN = b"II*\0\0\0\0\0"
STRIP_BYTES = 1 << 20
RGB, ALPHA, DEFLATE, DIFFERENCES, UNDEFINED = 2, 2, 8, 2, 7
LEVEL = 1
"""Of zlib where nobody asks for another: of a photograph's differences the others hardly make less."""


def encode(
    frames: Sequence[NDArray[np.uint16]], *, level: int = LEVEL, icc_profile: bytes | None = None
) -> bytes:
    """Return a file of (H, W, 3) or (H, W, 4) pixels, with a page for each frame.

    Parameters
    ----------
    level
        Of zlib; 0 does not compress.
    """
    strips = [_strips(frame, level) for frame in frames]
    sizes = [[len(strip) for strip in each] for each in strips]
    # Directories are as long wherever the strips are that they point to.
    start = len(_directories(frames, sizes, 0, level, icc_profile))
    return b"".join([_directories(frames, sizes, start, level, icc_profile), *itertools.chain(*strips)])


def _rows(frame: NDArray[np.uint16]) -> int:
    """Return how many go into a strip."""
    return min(len(frame), max(1, STRIP_BYTES // (frame.nbytes // len(frame))))


def _strips(frame: NDArray[np.uint16], level: int) -> list[bytes]:
    strips, rows = [], _rows(frame)
    for first in range(0, len(frame), rows):
        values = frame[first : first + rows].astype("<u2")
        if level:
            values[:, 1:] -= values[:, :-1].copy()  # each the difference to its neighbour
        content = values.tobytes()
        strips.append(zlib.compress(content, level) if level else content)
    return strips


def _directories(
    frames: Sequence[NDArray[np.uint16]],
    sizes: Sequence[Sequence[int]],
    start: int,
    level: int,
    icc_profile: bytes | None,
) -> bytes:
    """Return the file's begin, with a directory for each frame, of strips that come one by one from there."""
    pages, position = [], start
    for frame, lengths in zip(frames, sizes, strict=True):
        height, width, samples = frame.shape
        offsets = list(itertools.accumulate(lengths, initial=position))
        position = offsets.pop()
        page = Page({}, LITTLE).replaced(
            (tags.WIDTH, LONG, [width]),
            (tags.HEIGHT, LONG, [height]),
            (tags.BITS, SHORT, [16] * samples),
            (tags.COMPRESSION, SHORT, [DEFLATE if level else 1]),
            (tags.PHOTOMETRIC, SHORT, [RGB]),
            (tags.STRIP_OFFSETS, LONG, offsets),
            (tags.SAMPLES, SHORT, [samples]),
            (tags.ROWS_PER_STRIP, LONG, [_rows(frame)]),
            (tags.STRIP_BYTES, LONG, lengths),
            (tags.PLANES, SHORT, [1]),
            *([(tags.PREDICTOR, SHORT, [DIFFERENCES])] if level else []),
            *([(tags.EXTRA_SAMPLES, SHORT, [ALPHA])] if samples > 3 else []),
        )
        if icc_profile:
            profile = Entry(UNDEFINED, len(icc_profile), icc_profile)
            page = Page({**page.entries, tags.PROFILE: profile}, LITTLE)
        pages.append(page)
    return rewritten(BEGIN, pages, LITTLE, others={tags.PROFILE})
