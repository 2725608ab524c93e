"""imgsvc and OpenCV in turn, against the figures to reach: the fair comparison on a noisy machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.disturbance import Disturbance
from benchmarks.kernels import mean_filter, rotate90
from benchmarks.kernels.cases import make_image, opencv
from benchmarks.ratio_table import Ratio

if TYPE_CHECKING:
    from benchmarks.kernels.cases import Call

ROUNDS = 31

WARM_UP = 0.015
"""Seconds of calls before a timed one: the other's threads stop spinning, and the caches are its own."""

CONTENDERS = {"mean_filter": mean_filter.CONTENDERS, "rotate90": rotate90.contenders(turns=1)}

FLOORS = {("mean_filter", 1): 1.0, ("mean_filter", 2): 1.8, ("rotate90", 1): 1.0, ("rotate90", 2): 1.6}
"""How many times as fast as OpenCV on as many threads. Shown, not asserted: noise is no failure."""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("image", ["4000x3000-rgb", "4000x3000-gray"])
@pytest.mark.parametrize("operation", CONTENDERS)
def test_ratio_to_opencv(
    # Any: of what is used here pytest-benchmark leaves half untyped.
    benchmark: Any,
    ratios: list[Ratio],
    operation: str,
    image: str,
    threads: int,
) -> None:
    src = make_image(image)
    own, peer = (CONTENDERS[operation][contender](src, threads) for contender in ("imgsvc", "opencv"))
    peer_seconds: list[float] = []

    def peers_turn() -> None:
        warm_up(peer)
        start = time.perf_counter()
        peer()
        peer_seconds.append(time.perf_counter() - start)
        warm_up(own)

    benchmark.group = "in turn with OpenCV"
    disturbance = Disturbance()
    result = benchmark.pedantic(own, setup=peers_turn, rounds=ROUNDS)
    others = disturbance.cpus()
    if operation == "mean_filter":
        mean_filter.check("imgsvc", image, result)
        mean_filter.check("opencv", image, peer())
    else:
        rotate90.check(image, 1, result)
        rotate90.check(image, 1, peer())

    ratio = Ratio(
        work=f"{operation}, {image}, threads: {threads}",
        peer=f"OpenCV {opencv(threads).__version__}",
        imgsvc_seconds=benchmark.stats.stats.data,
        peer_seconds=peer_seconds,
        floor=FLOORS[operation, threads],
        disturbance=others,
    )
    ratios.append(ratio)
    benchmark.extra_info.update(
        peer=ratio.peer,
        peer_seconds=peer_seconds,
        ratio_quartiles=ratio.quartiles(),
        floor=ratio.floor,
        disturbance=others,
    )


def warm_up(call: Call) -> None:
    """Bring the machine to the state that a call meets among its like."""
    start = time.perf_counter()
    while time.perf_counter() < start + WARM_UP:
        call()
