"""How long a call would wait for the cores, by what is predicted of all that are before it."""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING

from imgsvc.errors import OverloadedError
from imgsvc.runtime.cores import LONG_SECONDS
from imgsvc.server.refusals import TooLate

if TYPE_CHECKING:
    from collections.abc import Hashable

    from imgsvc.runtime.cores import Job

__all__ = ["Backlog", "spread"]

NEGLIGIBLE_SECONDS = 2e-4
"""Work up to here is not counted: counting would take a part of it."""

TOLERANCE = 1.3
"""A call is refused when it is predicted to take so many times what its deadline leaves: predictions err."""

LEAST_SHARE = 1 / 16
"""Of the limit: who has waited as long as that, or longer, is not turned away for a moment more."""

LEARNED_SHARE = 1 / 32
LEAST_RATIO, MOST_RATIO = 0.5, 4.0
"""Between these, what work takes relative to its prediction is learned from the calls that end."""


class Backlog:
    """What the calls that have been let in will still take, and whether one more can wait behind them.

    Short and long work have queues of their own, as the cores do (`imgsvc.runtime.cores`): long work never
    holds the last core. Where there is but one, it does, and there is one queue. Callers have queues of their
    own too, so one that floods waits for itself, and others hardly. It is not safe for threads by itself.

    Parameters
    ----------
    cores
        How many there are.
    max_seconds
        How long a call may wait in all, or as long as it computes, if that is more.
    """

    def __init__(self, cores: int, max_seconds: float) -> None:
        self._cores = cores
        self._long_from = LONG_SECONDS if cores > 1 else math.inf
        self._holding: dict[Job, float] = {}  # the long ones, and since when, where there is one core
        self._turn_since = 0.0
        self._max_seconds = max_seconds
        self._short: dict[Hashable, float] = {}
        self._long: dict[Hashable, float] = {}
        self._short_seconds = 0.0
        self._long_seconds = 0.0
        self._num_long = 0
        self._ratio = 1.0

    @property
    def seconds(self) -> float:
        """The core seconds that are predicted for what waits and what computes."""
        return self._ratio * (self._short_seconds + self._long_seconds)

    def add(self, job: Job) -> None:
        """Count a job that is waited for in any case."""
        if job.predicted > NEGLIGIBLE_SECONDS:
            self._count(job)

    def admit(self, job: Job, waited: float = 0.0) -> None:
        """Count a job, unless it would wait too long.

        Parameters
        ----------
        job
            What it is.
        waited
            The seconds that its call has waited before anybody knew what it is.

        Raises
        ------
        OverloadedError
            It would; or it would miss its deadline, which it might meet on another day.
        TooLate
            It would miss its deadline even if it did not wait.
        """
        if job.predicted <= NEGLIGIBLE_SECONDS:
            return
        cost = self._ratio * job.predicted
        most = max(self._max_seconds, cost)
        most = max(most - waited, LEAST_SHARE * most)
        remaining = job.stop.remaining
        if remaining is not None:
            alone = cost / self._cores  # if it is cut into as many parts
            if alone > TOLERANCE * remaining:
                # What is not computed teaches nothing: without this nothing might ever be computed.
                self._ratio -= LEARNED_SHARE * max(self._ratio - 1, 0)
                raise TooLate(alone, remaining)
            most = min(most, TOLERANCE * remaining - alone)
        wait = self._wait(job, most)
        if wait > most:
            raise OverloadedError(
                "seconds of waiting for cores", round(wait, 3), round(most, 3), spread(wait)
            )
        self._count(job)

    def leave(self, job: Job, *, finished: bool) -> None:
        """Count a job no more; if it has finished, learn from what it took."""
        if not job.counted:
            return
        seconds, caller = job.counted, job.flow
        job.counted = 0.0
        waiting = self._long if seconds > self._long_from else self._short
        left = waiting[caller] - seconds
        if left > NEGLIGIBLE_SECONDS / 2:
            waiting[caller] = left
        else:
            del waiting[caller]
        if self._cores == 1 and job.core_seconds:
            self._turn_since = time.monotonic()
        self._holding.pop(job, None)
        if seconds > self._long_from:
            self._num_long -= 1
            self._long_seconds = self._long_seconds - seconds if waiting else 0.0
        else:
            self._short_seconds = self._short_seconds - seconds if waiting else 0.0
        if finished and job.core_seconds:
            ratio = min(max(job.core_seconds / seconds, LEAST_RATIO), MOST_RATIO)
            self._ratio += LEARNED_SHARE * (ratio - self._ratio)

    def _count(self, job: Job) -> None:
        seconds = job.counted = job.predicted
        if seconds > self._long_from:
            self._long[job.flow] = self._long.get(job.flow, 0.0) + seconds
            self._long_seconds += seconds
            self._num_long += 1
        else:
            self._short[job.flow] = self._short.get(job.flow, 0.0) + seconds
            self._short_seconds += seconds
            if seconds > LONG_SECONDS:
                self._holding[job] = time.monotonic()

    def _wait(self, job: Job, enough: float) -> float:
        """Return how long a job would wait, or something that is not more than `enough`.

        Until the cores have done what its caller has before it, and itself, they do as much for each other
        caller, if these have as much.
        """
        if job.predicted > self._long_from:
            waiting, total = self._long, self._long_seconds
            cores = max(1, self._cores - 1)
        else:
            waiting, total = self._short, self._short_seconds
            cores = max(1, self._cores - self._num_long)
        rate = self._ratio / cores
        if rate * total <= enough:
            return rate * total
        own = waiting.get(job.flow, 0.0)
        others = own + job.predicted
        before = sum(min(seconds, others) for caller, seconds in waiting.items() if caller != job.flow)
        return max(rate * (own + before), self._held())

    def _held(self) -> float:
        """Return for how long one job will still hold the only core, whosever turn is next."""
        first = next(iter(self._holding), None)
        if first is None:
            return 0.0
        since = max(self._holding[first], self._turn_since)
        return self._ratio * first.counted - (time.monotonic() - since)


def spread(seconds: float) -> float:
    """Return about so many seconds: not all who are told shall come back together."""
    return min(max(seconds, 0.05), 30.0) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
