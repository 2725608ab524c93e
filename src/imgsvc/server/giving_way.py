"""A few threads that wait for many clients: a call that keeps one waiting gives way to later ones.

A call of health is a few bytes, which come with its headers. Clients that send headers alone would hold
every thread until the timer ends their calls, and others would wait meanwhile. So when there are more calls
than threads, one is ended: of the connection that holds the most threads, the call that has been read for the
longest. One whose bytes are there is read in a fraction of a millisecond, unless gRPC has much else to do.
"""

from __future__ import annotations

import collections
import contextlib
import operator
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgsvc.server.timer import Timed

__all__ = ["GivingWay"]


class GivingWay:
    """Counts the calls from their headers on, and knows those that hold a thread.

    Parameters
    ----------
    threads
        How many there are.
    details
        What a call is told that gives way.
    patience
        Seconds that each has from its headers on.
    """

    def __init__(self, threads: int, details: str, patience: float = 0.0) -> None:
        self._threads = threads
        self._details = details
        self._patience = patience
        self._calls = 0
        self._reading: dict[Timed, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def arrive(self) -> None:
        """Note a call's headers."""
        with self._lock:
            self._calls += 1
            late = self._next()
        self._end(late)

    @contextlib.contextmanager
    def holding(self, timed: Timed, since: float) -> Iterator[None]:
        """Note that a thread has the call meanwhile; its headers came then, on the monotonic clock."""
        self.begin(timed, since)
        try:
            yield
        finally:
            self.leave(timed)

    def begin(self, timed: Timed, since: float) -> None:
        """Note that a thread has the call."""
        with self._lock:
            self._reading[timed] = timed.context.peer(), since
            late = self._next()
        self._end(late)

    def leave(self, timed: Timed) -> None:
        """Note that it does so no more."""
        with self._lock:
            self._calls -= 1
            self._reading.pop(timed, None)

    def _next(self) -> Timed | None:
        """Return the call that gives way, if one has to; with the lock held."""
        # Those that give way already, and still hold a thread, are not among them.
        if self._calls <= self._threads or len(self._reading) < self._threads:
            return None
        held = collections.Counter(peer for peer, _ in self._reading.values())
        latest = time.monotonic() - self._patience
        due = [(held[peer], timed) for timed, (peer, since) in self._reading.items() if since <= latest]
        if not due:
            return None
        _, late = max(due, key=operator.itemgetter(0))  # the first of several
        del self._reading[late]
        return late

    def _end(self, late: Timed | None) -> None:
        if late is not None:
            late.expire(self._details)
