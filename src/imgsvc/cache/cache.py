"""Results that are kept, and when it is worth to look for one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from imgsvc.cache.flights import Flights
from imgsvc.cache.rule import Rule
from imgsvc.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.cache.store import Store
    from imgsvc.runtime.cores import Job

__all__ = ["Answer", "Made", "ResultCache"]


class Made(NamedTuple):
    """A message that was computed, and whether it is all that its key promises, for all who ask for that."""

    message: bytes
    keep: bool = True


class Answer(NamedTuple):
    """A message, whether it was found, and whether its request was admitted, as it is before it computes."""

    message: bytes
    found: bool
    admitted: bool


class ResultCache:
    """Finds messages, or has each of them computed once.

    Parameters
    ----------
    store
        Where they are kept.
    worth
        See `Rule`.

    Attributes
    ----------
    rule : Rule
        What is worth to look for.
    hits, misses : int
        How many requests were answered by what another has computed, and how many had to compute.
    """

    def __init__(self, store: Store, worth: float) -> None:
        self._store = store
        self._flights = Flights()
        self._lock = threading.Lock()
        self.rule = Rule(store, worth)
        self.hits = 0
        self.misses = 0

    def answer(self, key: bytes, job: Job, admit: Callable[[], None], compute: Callable[[], Made]) -> Answer:
        """Return the message of a key.

        Parameters
        ----------
        key
            From `imgsvc.cache.key`.
        job
            Who waits; while another computes, until its deadline or cancellation.
        admit
            Called once at most, before `compute`, and before anybody waits for that: it may wait, or raise.
        compute
            Makes the message.

        Raises
        ------
        StoppedError
            The job was stopped.
        """
        message = self._store.get(key)
        admitted = False
        while message is None:
            flight = self._flights.under_way(key)
            if flight is not None:
                flight.wait(job)
                message = flight.message
                if flight.failed:
                    if not admitted:
                        admit()
                    self._count(hit=False)
                    return Answer(compute().message, found=False, admitted=True)
                continue
            if not admitted:
                admit()
                admitted = True
            if self._flights.begin(key) is None:
                continue
            message = self._store.peek(key)  # whoever computed may have finished just before
            if message is None:
                self._count(hit=False)
                return Answer(self._compute(key, compute), found=False, admitted=True)
            self._flights.end(key, message)
        self._count(hit=True)
        return Answer(message, found=True, admitted=admitted)

    def counters(self) -> dict[str, int]:
        """Return its counters by name: hits, misses, and those of its store."""
        with self._lock:
            own = {"hits": self.hits, "misses": self.misses}
        return own | self._store.counters()

    def close(self) -> None:
        """Let go of everything."""
        self._store.close()

    def _compute(self, key: bytes, compute: Callable[[], Made]) -> bytes:
        message, failed = None, False
        try:
            made = compute()
            if made.keep:
                message = made.message
                self._store.put(key, message)
            failed = not made.keep
        except StoppedError:
            raise
        except BaseException:
            failed = True
            raise
        finally:
            self._flights.end(key, message, failed=failed)
        return made.message

    def _count(self, *, hit: bool) -> None:
        with self._lock:
            self.hits += hit
            self.misses += not hit
