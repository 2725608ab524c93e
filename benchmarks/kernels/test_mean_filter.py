from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.kernels.cases import CASES, make_image
from benchmarks.kernels.mean_filter import CONTENDERS, check

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize(("contender", "image", "threads"), CASES)
def test_mean_filter(benchmark: BenchmarkFixture, contender: str, image: str, threads: int) -> None:
    benchmark.group = f"mean filter, {image}, threads: {threads}"
    call = CONTENDERS[contender](make_image(image), threads)
    check(contender, image, benchmark(call))
