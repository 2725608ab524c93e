"""What a run has measured, and how it is shown."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.scale.course import WAYS, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.scale.course import Burst

NOTE = (
    "Medians of rounds in turn; percentiles of all calls. µs: CPU time a call, of all servers, of Envoy,\n"
    "and of the load generator. Where processes share cores, calls/s are this machine's alone: elsewhere a\n"
    "core of a server answers a second over its µs, and one of Envoy passes on a second over its own.\n"
    "Servers encrypt in all rows: to Envoy, or else to the load generator, whose µs are the more for it."
)


@dataclasses.dataclass(frozen=True)
class Standing:
    """The bursts of each way, round by round, with one image and number of clients."""

    image: str
    clients: int
    bursts: Mapping[Way, Sequence[Burst]]
    others_cpus: float | None

    @property
    def work(self) -> str:
        """What was done."""
        return f"{self.image}, {self.clients} client{'s' * (self.clients > 1)}"

    def median(self, way: Way, figure: Callable[[Burst], float]) -> float:
        """Return the median of a figure over the rounds."""
        return statistics.median(map(figure, self.bursts[way]))

    def latency(self, way: Way, percent: float) -> float:
        """Return a percentile of the seconds of all calls of all rounds."""
        return float(np.percentile([each for burst in self.bursts[way] for each in burst.latencies], percent))

    def added(self) -> list[float]:
        """Return how much longer the median call to one server is through Envoy: quartiles of rounds."""
        direct, through = (self.bursts[Way(balanced, 1)] for balanced in (False, True))
        differences = [
            statistics.median(b.latencies) - statistics.median(a.latencies)
            for a, b in zip(direct, through, strict=True)
        ]
        return statistics.quantiles(differences, method="inclusive")


@dataclasses.dataclass
class Report:
    """The results of the tests that ran; each adds its own.

    Attributes
    ----------
    checks
        CPU seconds of one health check: of the server, and of Envoy.
    pinned
        Who had which cores.
    """

    standings: list[Standing] = dataclasses.field(default_factory=list)
    checks: tuple[float, float] | None = None
    pinned: list[str] = dataclasses.field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the tables."""
        for standing in self.standings:
            yield from table(standing)
        if self.standings:
            yield from (NOTE, *self.pinned, "")
        yield from constants(self)


def table(standing: Standing) -> Iterator[str]:
    """Yield the ways of one image and number of clients."""
    others = "?" if standing.others_cpus is None else f"{standing.others_cpus:.2f}"
    yield (
        f"{standing.work:24}{'calls/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'calls':>8}"
        f"{'servers µs':>12}{'Envoy µs':>10}{'load µs':>10}   others: {others} CPUs"
    )
    for way in WAYS:
        server, balancer, load = (
            1e6 * standing.median(way, figure) for figure in (server_cpu, balancer_cpu, load_cpu)
        )
        yield (
            f"  {way.name:22}{standing.median(way, rate):9.1f}{1e3 * standing.latency(way, 50):9.2f}"
            f"{1e3 * standing.latency(way, 99):9.2f}{sum(burst.calls for burst in standing.bursts[way]):8}"
            f"{server:12.0f}{balancer if way.balanced else 0:10.0f}{load:10.0f}"
        )
    if standing.clients == 1:
        low, middle, high = (1e6 * each for each in standing.added())
        yield f"  longer through Envoy by {middle:.0f} µs, 25–75 % {low:.0f}–{high:.0f}"


def constants(report: Report) -> Iterator[str]:
    """Yield the rows of the table that docs/capacity.md begins with, as far as they were measured.

    Of one server, which has a core to itself on the smallest machine too.
    """
    balanced = Way(balanced=True, servers=1)
    busy = [standing for standing in report.standings if standing.clients > 1]
    alone = [standing for standing in report.standings if standing.clients == 1]
    rows = [
        ("a server's CPU a call, µs", [f"{1e6 * each.median(balanced, server_cpu):.0f}" for each in busy]),
        ("Envoy's CPU a call, µs", [f"{1e6 * each.median(balanced, balancer_cpu):.0f}" for each in busy]),
        ("longer through Envoy by, µs", [f"{1e6 * each.added()[1]:.0f}" for each in alone]),
    ]
    if busy or alone:
        yield "For docs/capacity.md: " + ", ".join(each.image for each in busy or alone)
        for name, cells in rows:
            yield f"| {name} | {' | '.join(cells)} |"
    if report.checks is not None:
        server, balancer = (1e6 * each for each in report.checks)
        yield f"A health check takes {server:.0f} µs of the server's CPU and {balancer:.0f} µs of Envoy's."


def rate(burst: Burst) -> float:
    """Return calls a second."""
    return burst.calls / burst.wall


def server_cpu(burst: Burst) -> float:
    """Return what a call cost the servers."""
    return burst.server_cpu / burst.calls


def balancer_cpu(burst: Burst) -> float:
    """Return what a call cost Envoy."""
    return burst.balancer_cpu / burst.calls


def load_cpu(burst: Burst) -> float:
    """Return what a call cost the load generator."""
    return burst.load_cpu / burst.calls
