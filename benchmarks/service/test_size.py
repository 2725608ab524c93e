"""What a call costs by the size of its image: imgsvc alone, one client."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.service.cost import Cost
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.service.contenders import Contender
    from benchmarks.service.fleet import Fleet
    from benchmarks.service.images import Shape
    from benchmarks.service.report import Report

ROUNDS = 5
WARM_UP, SECONDS = 0.1, 0.1

# 4:3, as photos are: 0.1 to 80 megapixels. The default limit of 256 MiB a message is 89 of RGB.
WIDTHS = (360, 800, 1600, 2400, 4000, 5600, 8000, 10320)
SHAPES: dict[str, Shape] = {f"{width}x{width * 3 // 4}": (width * 3 // 4, width, 3) for width in WIDTHS}
SHAPES["11548x8661-gray"] = (8661, 11548)  # 100 megapixels


@served
@pytest.mark.parametrize("image", SHAPES)
def test_size(
    benchmark: Any, contenders: Sequence[Contender], fleet: Fleet, report: Report, image: str
) -> None:
    imgsvc, seconds = contenders[0], []

    def one_round() -> None:
        burst = fleet.burst(imgsvc, SHAPES[image], clients=1, seconds=SECONDS)
        seconds.append(burst.seconds_per_call)
        CLOCK.advance(burst.seconds_per_call)

    fleet.burst(imgsvc, SHAPES[image], clients=1, warm_up=WARM_UP)
    benchmark.pedantic(one_round, rounds=ROUNDS)
    report.costs.append(Cost(SHAPES[image], statistics.median(seconds)))
