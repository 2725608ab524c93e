"""The tables at the end of a run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.overload.level import floors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.overload.level import Level

NOTE = (
    "Goodput: answers within the deadline, a second. Late: neither answered in time nor refused. Lag: how\n"
    "long calls waited in their generator, for it or for a stream of their connection, 99 %. CPUs: those\n"
    "that the server, the generators and others kept busy."
)


def table(levels: Sequence[Level]) -> Iterator[str]:
    """Yield the levels of one mix, and its floors."""
    yield (
        f"{levels[0].mix:10} {'offered':>8} {'goodput':>8} {'refused':>8} {'late':>6} {'p50':>8} {'p99':>8} "
        f"{'small p99':>10} {'refusal p50':>12} {'p99':>8} {'lag':>8}  CPUs"
    )
    for level in levels:
        others = "?" if level.others is None else f"{level.others:.2f}"
        times = [level.percentile(50), level.percentile(99), level.percentile(99, "small")]
        refusals = [level.percentile(percent, code="RESOURCE_EXHAUSTED") for percent in (50, 99)]
        p50, p99, small, refusal, slow_refusal = map(_ms, (*times, *refusals))
        yield (
            f"{level.factor:9g}× {level.offered:8.1f} {level.goodput:8.1f} {level.refused:8.1%} "
            f"{level.late:6.1%} {p50:>8} {p99:>8} {small:>10} {refusal:>12} {slow_refusal:>8} "
            f"{_ms(level.lag(99)):>8}  {level.server:.2f} + {level.generators:.2f} + {others}"
        )
    for name, (value, floor, met) in floors(levels).items():
        yield f"  {name}: {value:.2f}, floor {floor:.2f}: {'met' if met else 'MISSED'}"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1e3 * seconds:.0f} ms"
