"""A few threads that read from many clients: a call that keeps one waiting gives way to later ones.

A call of health is a few bytes, which come with its headers. Clients that send headers alone would hold
every thread until the timer ends their calls, and others would wait meanwhile. So when there are more calls
than threads, the one that has been read for the longest is ended. One whose bytes are there is read in a
fraction of a millisecond, and is never that. A stream of reflection is that when it is open for the longest.
"""

from __future__ import annotations

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
        self._reading: dict[Timed, None] = {}
        self._lock = threading.Lock()

    def arrive(self) -> None:
        """Note a call's headers."""
        with self._lock:
            self._calls += 1
            late = self._oldest()
        self._end(late)

    def begin(self, timed: Timed) -> None:
        """Note that a thread reads the call."""
        with self._lock:
            late = self._oldest()
            self._reading[timed] = None
        self._end(late)

    def leave(self, timed: Timed) -> None:
        """Note that it does so no more."""
        with self._lock:
            self._calls -= 1
            self._reading.pop(timed, None)

    def _oldest(self) -> Timed | None:
        if self._calls <= self._threads or not self._reading:
            return None
        oldest = next(iter(self._reading))
        del self._reading[oldest]
        return oldest

    def _end(self, late: Timed | None) -> None:
        if late is not None:
            late.expire(DETAILS)
