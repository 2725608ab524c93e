"""What operations take on this machine, measured by the routines that do their work.

Each is measured in an image that is in a cache and in one that is in none, gray and in colour, and those that
weight colours by alpha in one that is translucent; and what a request takes by itself, with an image of a few
pixels. The shortest of some measurements counts; others are made between them, so that what disturbs one of
them disturbs no other of the same.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import mmap
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imgsvc._images import DTYPES, UINT8
from imgsvc._stop import Stop
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import (
    BoxBlur,
    ColorMatrix,
    Convert,
    Convolve,
    Flatten,
    Flip,
    GaussianBlur,
    Grayscale,
    Invert,
    Lut,
    MeanFilter,
    Pad,
    Resize,
    Rotate,
    Rotate90,
    Sharpen,
    Threshold,
)
from imgsvc.operations.scratch import rounded_up
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.recipe import Recipe
from imgsvc.recipes.running import OneCore, RecipeRun
from imgsvc.recipes.source import RawImage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from imgsvc._images import Shape
    from imgsvc.operations import Operation

__all__ = ["SAMPLES", "Rate", "fixed_seconds", "routine_rates"]

BOX = ((1 / 25,) * 5,) * 5
EDGES = tuple(tuple(float(x * y % 7 - 3) for x in range(5)) for y in range(5))
SEPIA = (0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131)

SAMPLES: tuple[Operation, ...] = (
    MeanFilter(),
    BoxBlur(3),
    BoxBlur(9),
    Convolve(EDGES),
    Convolve(BOX),
    GaussianBlur(2.0),
    GaussianBlur(5.0),
    Sharpen(),
    Sharpen(5.0),
    Rotate90(0),
    Rotate90(1),
    Rotate90(2),
    Flip(0),
    Flip(1),
    Pad(left=8, top=8, right=8, bottom=8),
    Pad(left=8, top=8, right=8, bottom=8, border="reflect101"),
    Lut(bytes(range(256))),
    Lut(bytes(range(256)) * 3),
    Invert(),
    Threshold(100),
    Grayscale(),
    ColorMatrix(SEPIA),
    Flatten(),
    Resize(320, 240, "nearest"),
    Resize(320, 240),
    Resize(150, 100, "lanczos"),
    Resize(24, 15, "lanczos"),
    Rotate(10, expand=False, resample="nearest"),
    Rotate(10, expand=False),
    Rotate(10, expand=False, resample="bicubic"),
)
"""One for each routine of 8 bits."""

SMALL = 480, 640
CACHED = {1: (1000, 3000), 3: (1000, 1000), 4: (1000, 750)}
UNCACHED = {1: (1000, 1000), 3: (500, 700), 4: (500, 525)}
"""By channels. What is in no cache is so by the number of images, which need not be large."""


def _last_cache(path: str = "/sys/devices/system/cpu/cpu0/cache/index3/size") -> int:
    """Return how many bytes the last cache holds; where Linux does not tell, what most of them do."""
    try:
        return int(Path(path).read_text("ascii").strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        return 32 << 20


LAST_CACHE = _last_cache()
CACHE_BYTES = 36 << 20
"""Sources that are used in turn, and so many results, which caches do not hold together."""

ROUNDS, SLOW_ROUNDS, SLOW_SECONDS = 4, 2, 1.5e-3

PATTERN = 9 << 10
"""Bytes that are repeated; of no power of two, or columns would be alike."""

ROOM, PAGE = 1 << 18, 1 << 12
"""What results may have beyond their images, and what these begin at multiples of, in bytes."""


class Rate(NamedTuple):
    """Seconds for a unit of cost: in a small image, in one that a cache still holds, in one that none does.

    The sizes are those of images, in bytes; a result of the same size comes on top.
    """

    small: float
    cached: float
    uncached: float
    small_bytes: int = 1
    cached_bytes: int = LAST_CACHE // 4
    uncached_bytes: int = LAST_CACHE

    def at(self, num_bytes: int) -> float:
        """Return the rate for images of some size, in between by its logarithm."""
        if num_bytes <= self.small_bytes:
            return self.small
        if num_bytes >= self.uncached_bytes:
            return self.uncached
        if num_bytes < self.cached_bytes:
            low, low_bytes, high, high_bytes = self.small, self.small_bytes, self.cached, self.cached_bytes
        else:
            low, low_bytes, high, high_bytes = (
                self.cached, self.cached_bytes, self.uncached, self.uncached_bytes
            )  # fmt: skip
        return low + (high - low) * math.log(num_bytes / low_bytes) / math.log(high_bytes / low_bytes)


def fixed_seconds() -> float:
    """Return what a request takes of which nothing is computed."""
    source = RawImage((2, 2), np.dtype(np.uint8), np.zeros((2, 2), np.uint8))
    recipe, limits = Recipe(Pipeline("flip axis=0")), Limits()

    def run() -> None:
        plan = plan_recipe(source, recipe, limits)
        work = RecipeRun(plan, source, options=recipe.decoding, limits=limits, compute=OneCore(), stop=Stop())
        work.run()
        work.write([np.empty((2, 2), np.uint8)])

    return min(_seconds(run) for _ in range(20))


def routine_rates() -> dict[tuple[str, bool], Rate]:
    """Return what a unit of cost takes, by the routine and whether the image is gray."""
    memory = _Memory()
    rates = {}
    for channels in (1, 3, 4):
        small, cached, uncached = (
            _Images(memory, (*SMALL, channels)),
            _Images(memory, (*CACHED[channels], channels)),
            _Images(memory, (*UNCACHED[channels], channels), uncached=True),
        )
        samples = [each for each in SAMPLES if small.can_be_given_to(each)]
        samples = [each for each in samples if (each.routine(small.shape, UINT8), False) not in rates]
        runs = [
            functools.partial(size.seconds_a_unit, each) for each in samples for size in (small, uncached)
        ]
        fastest = _fastest(runs)
        pairs = list(zip(samples, fastest[::2], fastest[1::2], strict=True))
        # What takes long does not wait for memory.
        quick = [each for each, _, seconds in pairs if seconds * each.cost(cached.shape) < SLOW_SECONDS]
        fastest = _fastest([functools.partial(cached.seconds_a_unit, each) for each in quick])
        in_cache = dict(zip(quick, fastest, strict=True))
        for sample, least, most in pairs:
            key = sample.routine(small.shape, UINT8), channels == 1
            rates[key] = Rate(least, min(in_cache.get(sample, most), most), most, small.num_bytes)
    return rates | _conversion_rates(memory)


def _conversion_rates(memory: _Memory) -> dict[tuple[str, bool], Rate]:
    """Return the same of changes of depth, for which channels are values like others."""
    sizes = (
        _Images(memory, (*SMALL, 1), value_bytes=4),
        _Images(memory, (*UNCACHED[1], 1), uncached=True, value_bytes=4),
    )
    depths = [(source, Convert(name)) for source in DTYPES.values() for name in DTYPES]  # type: ignore[arg-type] # those are its words
    runs = [
        functools.partial(size.seconds_a_unit, convert, source)
        for source, convert in depths
        for size in sizes
    ]
    fastest = _fastest(runs)
    shape, rates = sizes[0].shape, {}
    for (source, convert), least, most in zip(depths, fastest[::2], fastest[1::2], strict=True):
        rate = Rate(least, min(least, most), most, math.prod(shape) * source.itemsize)
        for is_gray in (True, False):
            rates[convert.routine(shape, source), is_gray] = rate
    return rates


def _fastest(runs: Sequence[Callable[[], float]]) -> list[float]:
    """Return the least that each gives; those that take long are asked less often."""
    least = [math.inf] * len(runs)
    slow: set[int] = set()
    for number in range(ROUNDS):
        for index, run in enumerate(runs):
            if number >= SLOW_ROUNDS and index in slow:
                continue
            start = time.thread_time()
            least[index] = min(least[index], run())
            if time.thread_time() - start > SLOW_SECONDS:
                slow.add(index)
    return least


def _seconds(work: Callable[[], object]) -> float:
    """Return the time of a core, which does not go on while others have it."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def _pages() -> NDArray[np.uint8]:
    """Return memory, not of the allocator, which would keep it; in huge pages, as large arrays are."""
    if sys.platform != "linux":
        return np.frombuffer(mmap.mmap(-1, CACHE_BYTES), np.uint8)
    pages = mmap.mmap(-1, CACHE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # the kernel may be built without
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8)


class _Memory:
    """Room for as many sources, and as many results, as no cache holds together."""

    def __init__(self) -> None:
        self.sources, self.results = _pages(), _pages()
        pattern = np.random.default_rng(1).integers(0, 256, PATTERN, np.uint8)
        self.sources.reshape(-1, PATTERN)[:] = pattern
        self.results[::PAGE] = 0


class _Images:
    """An image of a shape, and room for results; or many, used in turn, so that they are in no cache.

    There is room for values of up to `value_bytes`.
    """

    def __init__(
        self, memory: _Memory, shape: Shape, *, uncached: bool = False, value_bytes: int = 1
    ) -> None:
        self.shape = shape
        self.num_bytes = math.prod(shape)
        self._memory = memory
        self._stride = rounded_up(value_bytes * self.num_bytes + ROOM, PAGE)
        self._turn = itertools.cycle(range(1, CACHE_BYTES // self._stride) if uncached else (0,))

    def can_be_given_to(self, operation: Operation) -> bool:
        """Return whether the operation takes such an image."""
        try:
            operation.output_shape(self.shape)
        except InvalidParameterError:
            return False
        return True

    def seconds_a_unit(self, operation: Operation, dtype: np.dtype[Any] = UINT8) -> float:
        """Return what a unit of an operation's cost takes, measured once."""
        start = self._stride * next(self._turn)
        source = _array(self._memory.sources, start, self.shape, dtype)
        # Not as far into a page as its source: loads would wait for stores that only look like theirs.
        result = _array(
            self._memory.results,
            start + PAGE // 2,
            operation.output_shape(self.shape),
            operation.output_dtype(dtype),
        )
        seconds = _seconds(lambda: operation.compute(source, result, 1, Stop()))
        return seconds / operation.cost_of(self.shape, dtype)


def _array(memory: NDArray[Any], start: int, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
    return memory[start : start + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
