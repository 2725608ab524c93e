"""Of several requests for one result, one computes it, and the others wait for that."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from imgsvc.errors import StoppedError

if TYPE_CHECKING:
    from imgsvc.runtime.cores import Job

__all__ = ["Flight", "Flights"]


class Flight:
    """A result that somebody is computing.

    Attributes
    ----------
    message
        The result, when it is there.
    failed
        Whether there is none, for a reason that may be the others' too: each had better try for itself. Where
        neither is set in the end, whoever computed was stopped, and somebody else takes over.
    """

    def __init__(self) -> None:
        self.message: bytes | None = None
        self.failed = False
        self._over = False
        self._waiting: list[threading.Lock] = []
        self._lock = threading.Lock()

    def wait(self, job: Job) -> None:
        """Wait for the end, without a core.

        Raises
        ------
        StoppedError
            The job was cancelled, or its deadline passed.
        """
        turn = threading.Lock()
        turn.acquire()
        with self._lock:
            waits = not self._over
            if waits:
                self._waiting.append(turn)
        if waits:
            job.wait(turn)
        with self._lock:
            if not self._over:
                self._waiting.remove(turn)
                raise StoppedError(cancelled=job.stop.cancelled)

    def end(self, message: bytes | None, *, failed: bool) -> None:
        """Wake all who wait."""
        with self._lock:
            self.message = message
            self.failed = failed
            self._over = True
            waiting, self._waiting = self._waiting, []
        for turn in waiting:
            with contextlib.suppress(RuntimeError):  # a cancellation has woken it
                turn.release()


class Flights:
    """What is being computed, by key."""

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}
        self._lock = threading.Lock()

    def under_way(self, key: bytes) -> Flight | None:
        """Return who computes a result, to wait for; None if nobody does."""
        return self._flights.get(key)

    def begin(self, key: bytes) -> Flight | None:
        """Return a flight for the caller to `end`, who computes; None if somebody does already."""
        with self._lock:
            if key in self._flights:
                return None
            flight = self._flights[key] = Flight()
            return flight

    def end(self, key: bytes, message: bytes | None, *, failed: bool = False) -> None:
        """End a flight; from now on others may begin."""
        with self._lock:
            flight = self._flights.pop(key)
        flight.end(message, failed=failed)
