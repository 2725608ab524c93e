"""Contenders in alternation, and what they did."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.ratio_table import ratio_quartiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeVar

    from benchmarks.service.fleet import Burst
    from benchmarks.service.floors import Floor

    Each = TypeVar("Each")


def in_turn(each: Sequence[Each], number: int) -> Sequence[Each]:
    """Return all of them in the order of a round: each comes first in turn, the others in their order."""
    first = number % len(each)
    return [*each[first:], *each[:first]]


@dataclasses.dataclass(frozen=True)
class Standing:
    """Every contender's bursts, round by round, with the same image and number of clients.

    `others_cpus` is how many CPUs other processes kept busy meanwhile, if that is known.
    """

    image: str
    clients: int
    bursts: Mapping[str, Sequence[Burst]]
    others_cpus: float | None
    floors: Sequence[Floor] = ()

    @property
    def work(self) -> str:
        """What was done."""
        return f"{self.image}, {self.clients} client{'s' if self.clients > 1 else ''}"

    def calls_per_second(self, contender: str) -> float:
        """Return the median of the rounds' throughputs."""
        return statistics.median(1 / seconds for seconds in self._seconds_per_call(contender))

    def latency(self, contender: str, percent: float) -> float:
        """Return a percentile of the seconds of all calls of all rounds."""
        latencies = [latency for burst in self.bursts[contender] for latency in burst.latencies]
        return float(np.percentile(latencies, percent))

    def calls(self, contender: str) -> int:
        """Return the number of calls of all rounds."""
        return sum(len(burst.latencies) for burst in self.bursts[contender])

    def server_cpu(self, contender: str) -> float:
        """Return the median of the rounds' CPU seconds of the server a call."""
        return statistics.median(burst.server_cpu_per_call for burst in self.bursts[contender])

    def judged(self) -> list[tuple[Floor, list[float]]]:
        """Return the floors of this image and these clients whose peer is here, each with its quartiles."""
        return [
            (floor, self.ratio(floor.own, floor.peer))
            for floor in self.floors
            if (floor.image, floor.clients) == (self.image, self.clients) and floor.peer in self.bursts
        ]

    def ratio(self, own: str, peer: str) -> list[float]:
        """Return the quartiles over the rounds of the ratio of throughputs own / peer."""
        return ratio_quartiles(self._seconds_per_call(own), self._seconds_per_call(peer))

    def _seconds_per_call(self, contender: str) -> list[float]:
        return [burst.seconds_per_call for burst in self.bursts[contender]]
