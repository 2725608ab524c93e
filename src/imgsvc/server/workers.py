"""The threads that image calls are read and answered on, and who gets one."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from imgsvc.errors import OverloadedError
from imgsvc.runtime.fair_pool import start_fair_pool
from imgsvc.runtime.pools import Inline
from imgsvc.server.caller import caller_of
from imgsvc.server.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.runtime.pools import Done
    from imgsvc.server.overload.admission import Entry
    from imgsvc.server.overload.congestion import Congestion
    from imgsvc.server.record import Record

__all__ = ["Place", "Workers"]


class Workers:
    """A pool that callers share fairly.

    Who is refused is told so on gRPC's serving thread, which it holds for a moment. From a thread of its own
    that took longer, and gRPC's core lost count of a connection's streams, until it took no more calls on it.

    Parameters
    ----------
    threads
        How many there are.
    congestion
        Counts those who wait, and says who would wait too long.
    """

    def __init__(self, threads: int, congestion: Congestion) -> None:
        self.congestion = congestion
        self._pool = start_fair_pool(threads, "worker")
        self.refusals = Inline()

    def place(self, record: Record, entry: Entry) -> Place:
        """Return a place for a call that has been let in."""
        return Place(self, record, entry)

    def submit(self, place: Place, fn: Callable[..., Any], args: tuple[Any, ...]) -> Done:
        """Let a call wait for a thread, or for its refusal."""
        try:
            place.entry.belong_to(place.caller)
            self.congestion.enter(place.caller, place.remaining)
        except (OverloadedError, Refusal) as error:
            place.refused = error
            return self.refusals.submit(fn, *args)
        return self._pool.submit_for(place.caller, fn, *args)

    def close(self) -> None:
        """End the threads, after the calls they have."""
        self._pool.shutdown()


class Place(ThreadPoolExecutor):
    """What gRPC takes for the pool of one call: at `submit` it is known where that comes from.

    It is an executor by its type alone, which grpcio looks at, and has no threads.

    Attributes
    ----------
    caller : str
        Whom it is counted for.
    entry : Entry
        By which the call was let in.
    remaining : float
        The seconds to its deadline, when gRPC handed it over.
    refused : Exception or None
        Why it gets no worker.
    """

    def __init__(self, workers: Workers, record: Record, entry: Entry) -> None:  # and not the executor's
        self.caller = ""
        self.entry = entry
        self.remaining = math.inf
        self.refused: OverloadedError | Refusal | None = None
        self._workers = workers
        self._record = record

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Done:  # type: ignore[override]
        """Take gRPC's function that runs the handler."""
        self._record.peer, self.remaining = _known(args)
        self.caller = caller_of(self._record)
        return self._workers.submit(self, fn, args)

    def receive(self) -> None:
        """Note that the body is read from now on."""
        self._workers.congestion.receive(self)

    def received(self) -> None:
        """Note that it is there, or never will be."""
        self._workers.congestion.received(self)

    def leave(self) -> None:
        """Note that a worker is done with the call."""
        self._workers.congestion.received(self)
        self._workers.congestion.leave(self.caller)


def _known(args: tuple[Any, ...]) -> tuple[str, float]:
    """Return where a call comes from, and the seconds to its deadline, of what grpcio calls a handler with.

    Its public interface tells that on a thread of the pool, when the waiting is over.
    """
    try:
        event = args[1]
        peer: str | bytes = event.call.peer()
        remaining = event.call_details.deadline - time.time()
    except (AttributeError, IndexError, TypeError):
        return "", math.inf
    return peer if isinstance(peer, str) else peer.decode(errors="replace"), remaining
