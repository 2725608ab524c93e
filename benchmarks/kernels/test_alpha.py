"""What weighting colours by alpha costs: the groups' tables show how many times as long it takes.

Beside alpha as a channel, that is an opaque image, one whose left half cannot be seen, and one that is
translucent everywhere, in noise.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pytest

import imgsvc
from benchmarks.kernels.pace import first_result, rounds_within

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.kernels.images import Image

SHAPE = 797, 1080, 4

EDGES = [[0.5, 1.0, 0.25], [1.0, -2.0, 3.0], [0.25, 1.0, 0.5]]

OPERATIONS: dict[str, Callable[..., Any]] = {
    "mean_filter": imgsvc.mean_filter,
    "box_blur, 3×3": functools.partial(imgsvc.box_blur, radius=1),
    "box_blur, 15×15": functools.partial(imgsvc.box_blur, radius=7),
    "box_blur, 31×31": functools.partial(imgsvc.box_blur, radius=15),
    "gaussian_blur, sigma=1": functools.partial(imgsvc.gaussian_blur, sigma=1),
    "gaussian_blur, sigma=5": functools.partial(imgsvc.gaussian_blur, sigma=5),
    "sharpen": imgsvc.sharpen,
    "convolve, 3×3": functools.partial(imgsvc.convolve, weights=EDGES),
    "convolve, 7×7 in two passes": functools.partial(imgsvc.convolve, weights=np.full((7, 7), 1 / 49)),
    "resize to a fifth, bilinear": functools.partial(imgsvc.resize, width=216, resample="bilinear"),
    "resize to a fifth, lanczos": functools.partial(imgsvc.resize, width=216, resample="lanczos"),
    "resize to twice, bicubic": functools.partial(imgsvc.resize, width=2160, resample="bicubic"),
}

BUDGET, LEAST, MOST = 0.15, 5, 200
"""Seconds of the rounds, and how many they may be."""


@pytest.mark.parametrize("kind", ["channel", "opaque", "half", "translucent"], ids="imgsvc-{}".format)
@pytest.mark.parametrize("name", OPERATIONS)
def test_alpha(benchmark: BenchmarkFixture, name: str, kind: str) -> None:
    alpha = "channel" if kind == "channel" else "weighted"
    work = functools.partial(OPERATIONS[name], make_image(kind), alpha=alpha, num_threads=1)
    call = functools.partial(work, out=np.empty_like(work()))
    benchmark.group = f"{name}, RGBA of 1080×797, one thread"
    _, seconds = first_result(call)
    benchmark.pedantic(call, rounds=rounds_within(BUDGET, seconds, LEAST, MOST), warmup_rounds=2)


@functools.cache
def make_image(kind: str) -> Image:
    """Return noise that is opaque, invisible in its left half, or translucent."""
    image = np.random.default_rng(seed=2026).integers(0, 256, SHAPE, np.uint8)
    if kind != "translucent":
        image[..., 3] = 255
    if kind == "half":
        image[:, : SHAPE[1] // 2, 3] = 0
    return image
