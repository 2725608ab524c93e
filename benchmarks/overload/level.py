"""What became of the calls at one level of load."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.overload.mixes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Level", "Outcome", "floors"]

GOODPUT_FLOOR = 0.9
"""Of its peak, at four times the capacity."""

WAIT_LIMIT = 1.0
"""`--max-queue-seconds`, as it is by default."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A call: what kind, when it was due, when it began, when it was over, and how."""

    kind: str
    due: float
    begin: float
    end: float
    code: str

    @property
    def seconds(self) -> float:
        """How long its caller waited, from when it was due."""
        return self.end - self.due

    @property
    def good(self) -> bool:
        """Whether there was an answer in time."""
        return self.code == "OK" and self.seconds <= DEADLINE


@dataclasses.dataclass(frozen=True)
class Level:
    """One level.

    Attributes
    ----------
    mix, factor
        What was asked, and how many times the capacity.
    seconds
        For how long.
    generators, server, others
        The CPUs that each kept busy on average; None where that is not known.
    """

    mix: str
    factor: float
    seconds: float
    outcomes: Sequence[Outcome]
    generators: float
    server: float
    others: float | None

    @property
    def offered(self) -> float:
        """Calls a second."""
        return len(self.outcomes) / self.seconds

    @property
    def goodput(self) -> float:
        """Answers in time, a second: also of the time after the last call, while some are worked on."""
        good = [each for each in self.outcomes if each.good]
        if not good:
            return 0.0
        wall = max(each.end for each in good) - min(each.due for each in self.outcomes)
        return len(good) / max(wall, self.seconds)

    @property
    def refused(self) -> float:
        """The share of calls that were refused."""
        return sum(each.code == "RESOURCE_EXHAUSTED" for each in self.outcomes) / max(len(self.outcomes), 1)

    @property
    def late(self) -> float:
        """The share of calls that were neither answered in time nor refused."""
        late = sum(not each.good and each.code != "RESOURCE_EXHAUSTED" for each in self.outcomes)
        return late / max(len(self.outcomes), 1)

    def lag(self, percent: float) -> float:
        """Return a percentile of the seconds by which calls began later than they were due."""
        return float(np.percentile([each.begin - each.due for each in self.outcomes], percent))

    def percentile(self, percent: float, kind: str = "", code: str = "OK") -> float:
        """Return a percentile of the seconds of calls of a kind, or all, that ended so."""
        seconds = [
            each.seconds for each in self.outcomes if each.code == code and (not kind or each.kind == kind)
        ]
        return float(np.percentile(seconds, percent)) if seconds else float("nan")


def floors(levels: Sequence[Level]) -> dict[str, tuple[float, float, bool]]:
    """Return what is to be reached at the highest level: what was, what should be, and whether it was."""
    peak = max(level.goodput for level in levels)
    highest = max(levels, key=lambda level: level.factor)
    lightest = min(levels, key=lambda level: level.factor)
    share = highest.goodput / peak if peak else 0.0
    bound = WAIT_LIMIT + lightest.percentile(99)
    p99 = highest.percentile(99)
    return {
        "goodput / peak": (share, GOODPUT_FLOOR, share >= GOODPUT_FLOOR),
        "p99 of answers, s": (p99, bound, p99 <= bound),
    }
