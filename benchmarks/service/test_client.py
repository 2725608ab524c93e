"""What a small call costs the client: `imgsvc.Client` from array to array, beside a stub with ready bytes."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.service.contenders import lean
from benchmarks.service.floors import CLIENT_MICROSECONDS
from benchmarks.service.images import SHAPES
from benchmarks.service.rounds import in_turn
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Contender
    from benchmarks.service.fleet import Fleet
    from benchmarks.service.report import Report

ROUNDS, WARM_UP, SECONDS = 9, 0.1, 0.3
SHAPE = SHAPES["64x64"]


@served
def test_client(
    benchmark: Any, contenders: Sequence[Contender], fleet: Fleet, report: Report, judge: Judge
) -> None:
    own, bare = contenders[0], lean(contenders)[0]
    microseconds: dict[Contender, list[float]] = {own: [], bare: []}

    def one_round() -> None:
        for contender in in_turn([own, bare], len(microseconds[own])):
            burst = fleet.burst(contender, SHAPE, clients=1, warm_up=WARM_UP, seconds=SECONDS)
            microseconds[contender].append(burst.cpu_per_call * 1e6)
            if contender is own:
                CLOCK.advance(burst.seconds_per_call)

    benchmark.pedantic(one_round, rounds=ROUNDS)
    differences = [a - b for a, b in zip(microseconds[own], microseconds[bare], strict=True)]
    low, median, high = statistics.quantiles(differences, method="inclusive")
    met = low <= CLIENT_MICROSECONDS
    verdict = f"at most {CLIENT_MICROSECONDS:.0f}: {'met' if met else 'MISSED'}"
    report.client += [
        f"imgsvc.Client    {statistics.median(microseconds[own]):5.0f} µs",
        f"the lean client  {statistics.median(microseconds[bare]):5.0f} µs",
        f"difference       {median:5.0f} µs, 25–75 % {low:.0f}–{high:.0f}; {verdict}",
    ]
    benchmark.extra_info["microseconds"] = differences
    judge(f"{median:.0f} µs more than the lean client, at most {CLIENT_MICROSECONDS:.0f}", met=met)
