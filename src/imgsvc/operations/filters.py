"""The windows of a resampled axis: which pixels of the source each of the result is the weighted sum of.

They are Pillow's, with the same arithmetic. Weights are made with IEEE's ``+ - * /`` only, element by
element, so that they are the same bits on every CPU.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop
from imgsvc.operations.stopping import go_on

Array = NDArray[Any]

NEAREST = "nearest"
"""What has no filter: pixels are taken, and nothing is computed."""

MAX_TAPS = 1 << 16
"""Pixels of a window; the float sum of more would no longer be good to a level."""

MAX_WEIGHTS = 1 << 24
"""Weights of an axis: 64 MB, with 16 bytes more a pixel, and about half a second to make."""

# What is kept for the next call: so many tables of at most so many bytes, of windows and of places.
_CACHED_TABLES = 32
_CACHED_BYTES = 1 << 20
_PLACE_BYTES, _WEIGHT_BYTES = 8, 4
_BLOCK_WEIGHTS = 1 << 15  # at a time: what is computed on the way stays in the cache
# What making them takes: bytes that one core copies meanwhile, and arrays of 8 bytes an element.
_PLACE_COST, _WEIGHT_COST = 50, 250
_ARRAYS_OF_A_BLOCK, _ARRAYS_OF_THE_RESULT = 12, 5
_FEW_BYTES = 1 << 12
# Weights become whole multiples of its inverse: their sum is exact, and below 2**63 for any window.
_ONE = float(1 << 38)


class Windows(NamedTuple):
    """For pixel `x` of the result, pixels ``starts[x]`` to ``starts[x] + counts[x]`` and their weights."""

    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    weights: NDArray[np.float32]  # (result, taps), zero where there are fewer taps

    def of(self, pixels: slice) -> Windows:
        """Return those of some pixels of the result."""
        return Windows(self.starts[pixels], self.counts[pixels], self.weights[pixels])


class Filter(NamedTuple):
    """A function of the distance from a window's centre, zero from `support` on."""

    function: Callable[[Array], Array]
    support: float


def _box(x: Array) -> Array:
    return np.where((x > -0.5) & (x <= 0.5), 1.0, 0.0)


def _triangle(x: Array) -> Array:
    return np.maximum(1.0 - np.abs(x), 0.0)


def _cubic(x: Array) -> Array:
    a = -0.5
    x = np.abs(x)
    inner = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    outer = (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return np.where(x < 1.0, inner, np.where(x < 2.0, outer, 0.0))


def _lanczos(x: Array) -> Array:
    """Return sinc(x) sinc(x/3); sin 3a = sin a (3 - 4 sin² a) makes it one sine."""
    thirds = np.maximum(np.abs(x) / 3.0, 1e-12)  # below that it is 1 to the last bit
    sine = _sine_of_pi(np.minimum(thirds, 1.0 - thirds))
    sinc = sine / (thirds * math.pi)
    return np.where(thirds < 1.0, sinc * sinc * (1.0 - sine * sine * (4.0 / 3.0)), 0.0)


def _sine_of_pi(x: Array) -> Array:
    """Return sin(πx) for 0 to 1/2, by Taylor's series: right to the last bits, the same on every CPU."""
    square = x * x
    series = np.full_like(x, _SINE[-1])
    for coefficient in reversed(_SINE[:-1]):
        series *= square
        series += coefficient
    return series * x


_SINE = [math.pi]
for _k in range(2, 22, 2):
    _SINE.append(-_SINE[-1] * math.pi * math.pi / (_k * (_k + 1)))


FILTERS = {
    "box": Filter(_box, 0.5),
    "bilinear": Filter(_triangle, 1.0),
    "bicubic": Filter(_cubic, 2.0),
    "lanczos": Filter(_lanczos, 3.0),
}


def most_taps(source: int, result: int, name: str) -> int:
    """Return how many pixels of `source` a window may have."""
    if source == result:
        return 1
    return min(2 * math.ceil(FILTERS[name].support * max(source / result, 1.0)) + 1, source)


def windows(source: int, result: int, name: str, stop: Stop | None = None) -> Windows:
    """Return the windows that make `result` pixels of `source` by a filter of `FILTERS`; read-only.

    Raises
    ------
    StoppedError
        `stop` said so before they were made; those that are kept are made in milliseconds, and to the end.
    """
    if windows_bytes(source, result, name) <= _CACHED_BYTES:
        return _cached_windows(source, result, name)
    return _windows(source, result, name, stop)


def nearest(source: int, result: int) -> NDArray[np.int64]:
    """Return for each pixel of the result the one that its centre lies in; read-only."""
    return (_cached_nearest if result * _PLACE_BYTES <= _CACHED_BYTES else _nearest)(source, result)


def windows_bytes(source: int, result: int, name: str) -> int:
    """Return how many bytes windows have, at most."""
    return result * (2 * _PLACE_BYTES + most_taps(source, result, name) * _WEIGHT_BYTES)


def windows_cost(source: int, result: int, name: str) -> int:
    """Return how many bytes one core copies while windows are made; nothing for those that are kept."""
    if windows_bytes(source, result, name) <= _CACHED_BYTES:
        return 0
    return result * (_PLACE_COST + (source != result) * _WEIGHT_COST * most_taps(source, result, name))


def nearest_bytes(result: int) -> int:
    """Return how many bytes the places for `nearest` have."""
    return result * _PLACE_BYTES


def nearest_cost(result: int) -> int:
    """Return how many bytes one core copies while the places are made; nothing for those that are kept."""
    return 0 if nearest_bytes(result) <= _CACHED_BYTES else _PLACE_COST * result


def making_bytes(result: int, taps: int) -> int:
    """Return how many bytes, at most, making a table for windows of so many taps takes beside it."""
    block = min(max(_BLOCK_WEIGHTS, taps), result * taps)
    return 8 * (_ARRAYS_OF_A_BLOCK * block + _ARRAYS_OF_THE_RESULT * result) + _FEW_BYTES


def _windows(source: int, result: int, name: str, stop: Stop | None = None) -> Windows:
    if source == result:  # what the filters give, but for weights of zero
        places = np.arange(result, dtype=np.int64)
        return _read_only(Windows(places, np.ones_like(places), np.ones((result, 1), np.float32)))
    function, support = FILTERS[name]
    scale = source / result
    stretch = max(scale, 1.0)
    centres = (np.arange(result) + 0.5) * scale
    starts = np.maximum(centres - support * stretch + 0.5, 0.0).astype(np.int64)
    counts = np.minimum(centres + support * stretch + 0.5, float(source)).astype(np.int64) - starts
    most = int(counts.max())
    weights = np.empty((result, most), np.float32)
    block = max(_BLOCK_WEIGHTS // most, 1)
    taps = np.arange(most)
    for begin in range(0, result, block):
        go_on(stop)
        rows = np.s_[begin : begin + block]
        distances = (starts[rows, np.newaxis] + taps) - centres[rows, np.newaxis] + 0.5
        raw = np.rint(function(distances * (1.0 / stretch)) * _ONE).astype(np.int64)
        raw[taps >= counts[rows, np.newaxis]] = 0
        weights[rows] = raw / raw.sum(axis=1, keepdims=True)
    return _read_only(Windows(starts, counts, weights))


def _read_only(windows: Windows) -> Windows:
    for array in windows:
        array.flags.writeable = False
    return windows


def _nearest(source: int, result: int) -> NDArray[np.int64]:
    whole, rest = divmod(source, 2 * result)
    doubled = 2 * np.arange(result, dtype=np.int64) + 1
    places = doubled * whole + doubled * rest // (2 * result)
    places.flags.writeable = False  # others get it too
    return places


_cached_windows = functools.lru_cache(maxsize=_CACHED_TABLES)(_windows)
_cached_nearest = functools.lru_cache(maxsize=_CACHED_TABLES)(_nearest)
