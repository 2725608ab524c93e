"""A few threads that read from many clients: a call that keeps one waiting gives way to later ones.

A call of health is a few bytes, which come with its headers. Clients that send headers alone would hold
every thread until the timer ends their calls, and others would wait meanwhile. So when there are more calls
than threads, one is ended: of the connection that holds the most threads, the call that has been read for the
longest. One whose bytes are there is read in a fraction of a millisecond, unless gRPC has much else to do.
"""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgsvc.server.timer import Timed

__all__ = ["GivingWay"]

DETAILS = "body: incomplete when later calls needed its place, expected with the headers"


class GivingWay:
    """Counts the calls from their headers on, and knows those that hold a thread.

    Parameters
    ----------
    threads
        How many there are.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._calls = 0
        self._reading: dict[Timed, str] = {}
        self._lock = threading.Lock()

    def arrive(self) -> None:
        """Note a call's headers."""
        with self._lock:
            self._calls += 1
            late = self._next()
        self._end(late)

    def begin(self, timed: Timed) -> None:
        """Note that a thread reads the call."""
        with self._lock:
            self._reading[timed] = timed.context.peer()
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
        held = collections.Counter(self._reading.values())
        most = max(held.values())
        late = next(timed for timed, peer in self._reading.items() if held[peer] == most)
        del self._reading[late]
        return late

    def _end(self, late: Timed | None) -> None:
        if late is not None:
            late.expire(DETAILS)
