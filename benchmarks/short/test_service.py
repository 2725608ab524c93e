"""MeanFilter through the service, one client that waits for each answer."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest

from benchmarks.needs import OPENCV
from benchmarks.service.contenders import served_by_python
from benchmarks.service.images import SHAPES
from benchmarks.service.served_clock import CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.service.contenders import Contender
    from benchmarks.service.fleet import Fleet
    from benchmarks.short.contest import Contest

ROUNDS, WARM_UP, SECONDS = 10, 0.1, 0.05

NAMES = ("imgsvc", pytest.param("stock", marks=OPENCV.mark), "echo")


@pytest.fixture(scope="module")
def contenders() -> dict[str, Contender]:
    """Servers in Python and their clients, by name."""
    return {contender.name: contender for contender in served_by_python()}


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("image", ["64x64", "1080x797"])
def test_service(
    contest: Contest, contenders: dict[str, Contender], fleet: Fleet, image: str, name: str
) -> None:
    contender, shape = contenders[name], SHAPES[image]
    contender.check(fleet.first_answer(contender, shape), shape)

    def burst() -> None:
        latencies = fleet.burst(contender, shape, clients=1, seconds=SECONDS).latencies
        CLOCK.advance(statistics.median(latencies))  # some calls of every burst are disturbed

    def prepare() -> Callable[[], None]:
        fleet.burst(contender, shape, clients=1, warm_up=WARM_UP)
        return burst

    work = f"MeanFilter of {image} RGB"
    contest.enter("service, one client", work, name, prepare(), prepare, rounds=ROUNDS, timer=CLOCK)
