from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.kernels.cases import CASES, make_image
from benchmarks.kernels.rotate90 import check, contenders

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize(("contender", "image", "threads"), CASES)
def test_rotate90(benchmark: BenchmarkFixture, contender: str, image: str, threads: int) -> None:
    benchmark.group = f"rotate 90°, {image}, threads: {threads}"
    call = contenders(turns=1)[contender](make_image(image), threads)
    check(image, 1, benchmark(call))


@pytest.mark.parametrize(("contender", "image", "threads"), CASES)
def test_rotate180(benchmark: BenchmarkFixture, contender: str, image: str, threads: int) -> None:
    benchmark.group = f"rotate 180°, {image}, threads: {threads}"
    call = contenders(turns=2)[contender](make_image(image), threads)
    check(image, 2, benchmark(call))
