"""How long a call would wait before anything of it is known, by Little's law.

That is the number of calls before it, divided by how many have lately been done in a second. It is an
estimate for servers that are busy: while there are few calls nobody waits for another, and a rate at which
few calls come says nothing of how many could be done.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from imgsvc.errors import OverloadedError, StoppedError
from imgsvc.server.overload.backlog import spread
from imgsvc.server.refusals import Abandoned

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Congestion"]

FREE_PER_CORE = 4
"""So many calls may be there without anybody counting: they keep the cores busy while others are read."""

WINDOW_SECONDS = 0.5
"""The rate is that of the last one or two of these."""

PART_AT_HEADERS = 0.55
"""Of the limit: what is left is for calls that stand behind longer ones than most, which nobody knows before
a worker plans them. With 0.75 the slowest answers came up to 0.4 s later, and so did refusals."""

LITTLE = 0.25
"""Of the limit: an estimate below it need not be exact."""

LEAST_SECONDS = 0.2
LEAST_CALLS = 4
"""Below these a rate is not known yet. Of calls that are slower than that, prices tell more."""


class Congestion:
    """Counts the calls that wait or are worked on, and the rate of those that are done while it is busy.

    It is not safe for threads by itself.

    Parameters
    ----------
    cores
        How many there are.
    max_seconds
        How long a call may wait in all.

    Attributes
    ----------
    busy : bool
        Whether it knows anything: an idle server refuses nothing.
    """

    def __init__(self, cores: int, max_seconds: float) -> None:
        self.num_calls = 0
        self._free = FREE_PER_CORE * cores
        self._max_seconds = PART_AT_HEADERS * max_seconds
        self._calls: dict[Hashable, int] = {}
        self.busy = False
        self._done = self._done_before = 0
        self._since = self._since_before = 0.0

    def check(self, caller: Hashable, remaining: float = math.inf) -> None:
        """Raise what `enter` would now, and count nothing."""
        if remaining <= 0:
            raise Abandoned(StoppedError(cancelled=False), 0.0)
        if self.busy:
            self._check(caller, remaining)

    def enter(self, caller: Hashable, remaining: float = math.inf) -> None:
        """Count a call, unless it would wait too long, or beyond the seconds that its deadline leaves.

        Raises
        ------
        OverloadedError
            It would.
        Abandoned
            Its deadline has passed: it has waited in gRPC, or in the system.
        """
        if remaining <= 0:
            raise Abandoned(StoppedError(cancelled=False), 0.0)
        if self.busy:
            self._check(caller, remaining)
        self.num_calls += 1
        self._calls[caller] = self._calls.get(caller, 0) + 1
        if not self.busy and self.num_calls > self._free:
            self.busy = True
            self._done = self._done_before = 0
            self._since = self._since_before = time.monotonic()

    def leave(self, caller: Hashable) -> None:
        """Count a call that is done."""
        self.num_calls -= 1
        left = self._calls[caller] - 1
        if left:
            self._calls[caller] = left
        else:
            del self._calls[caller]
        if not self.busy:
            return
        if self.num_calls <= self._free:
            self.busy = False
            return
        self._done += 1
        now = time.monotonic()
        if now - self._since > WINDOW_SECONDS:
            self._done_before, self._since_before = self._done, self._since
            self._done, self._since = 0, now

    @property
    def seconds(self) -> float:
        """How long it will take until all are done that are there; 0 where that is not known."""
        return self.num_calls * self._seconds_a_call()

    def _check(self, caller: Hashable, remaining: float) -> None:
        seconds, most = self._wait(caller), min(self._max_seconds, remaining)
        if seconds > most:
            raise OverloadedError("seconds of waiting", round(seconds, 2), round(most, 2), spread(seconds))

    def _wait(self, caller: Hashable) -> float:
        """Return how long a call would wait, or 0 where that is not known.

        Callers take turns: until all is done that one has sent, and this call, as much is done for each other
        one, if it has sent as much.
        """
        a_call = self._seconds_a_call()
        if self.num_calls * a_call <= LITTLE * self._max_seconds:
            return self.num_calls * a_call
        own = self._calls.get(caller, 0)
        others = own + 1
        before = own + sum(min(count, others) for each, count in self._calls.items() if each != caller)
        return min(before, self.num_calls) * a_call

    def _seconds_a_call(self) -> float:
        if not self.busy:
            return 0.0
        done, elapsed = self._done + self._done_before, time.monotonic() - self._since_before
        return elapsed / done if elapsed >= LEAST_SECONDS and done >= LEAST_CALLS else 0.0
