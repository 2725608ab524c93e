"""Pixels of 8 and 16 bits and floats, side by side: what moves them takes as long for a byte in each.

An image of bytes has more rows, so that as many bytes are moved and take as much room in caches.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from imgsvc import operations
from imgsvc._stop import Stop

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from imgsvc.operations import Operation

IMAGES = {"4000x3000-rgb": (3000, 4000, 3), "640x480-gray": (480, 640, 1)}
WORK = {
    "rotate by 90°": operations.Rotate90(1),
    "rotate by 180°": operations.Rotate90(2),
    "flip upside down": operations.Flip(0),
    "flip left to right": operations.Flip(1),
    "pad by 16, black": operations.Pad(16, 16, 16, 16),
    "pad by 16, edge repeated": operations.Pad(16, 16, 16, 16, "replicate"),
    "crop": operations.Crop(8, 8, 600, 450),
}
DEPTHS = {"uint16": 2, "float32": 4}
ROUNDS = 10


@functools.cache
def noise(shape: tuple[int, ...]) -> Any:
    """Return the same bytes in every run."""
    return np.random.default_rng(seed=2026).integers(0, 256, shape, np.uint8)


def time_it(benchmark: BenchmarkFixture, operation: Operation, image: Any) -> None:
    """Time an operation on one thread, and note how many bytes of its result are made in a second."""
    out = np.zeros(operation.output_shape(image.shape), operation.output_dtype(image.dtype))
    benchmark.pedantic(
        operation.compute, (image, out, 1, Stop()), rounds=ROUNDS, iterations=3, warmup_rounds=1
    )
    benchmark.extra_info["GB/s"] = round(out.nbytes / benchmark.stats.stats.min / 1e9, 2)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("deep", [False, True], ids=["as-bytes", "deep"])
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("work", WORK)
def test_moves(benchmark: BenchmarkFixture, work: str, image: str, depth: str, deep: bool) -> None:
    height, width, channels = IMAGES[image]
    benchmark.group = f"{work}, {image} of {depth}, and as many bytes"
    size = DEPTHS[depth]
    if deep:
        time_it(benchmark, WORK[work], noise((height, width, channels * size)).view(depth))
    else:
        time_it(benchmark, WORK[work], noise((height * size, width, channels)))


@pytest.mark.parametrize("to", ["uint8", *DEPTHS])
@pytest.mark.parametrize("source", ["uint8", *DEPTHS])
@pytest.mark.parametrize("image", IMAGES)
def test_convert(benchmark: BenchmarkFixture, image: str, source: str, to: str) -> None:
    benchmark.group = f"convert, {image}"
    values = noise(IMAGES[image]).astype(source)
    if source == "float32":
        values /= 255
    time_it(benchmark, operations.Convert(to), values)  # type: ignore[arg-type] # one of its words
