"""How those who are not let in are told so: later and later, the more often an address tries.

A refusal that waits holds no thread and no place in the server, and only refusals wait: an address that many
share keeps nobody with a good key from calling.
"""

from __future__ import annotations

import collections
import contextlib
import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc

from imgsvc.runtime.pools import start_pool
from imgsvc.server.caller import address_of
from imgsvc.server.failure import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc.server.observers import Observers
    from imgsvc.server.record import Record
    from imgsvc.server.refusals import Refusal

__all__ = ["Denials", "Failures"]

FREE_FAILURES = 20
"""Of an address: a key that was forgotten, or revoked, is no attack."""

FIRST_DELAY, MAX_DELAY = 0.05, 2.0
HALF_LIFE = 30.0
MAX_ADDRESSES = 4096
MAX_WAITING = 256
"""Refusals; further ones are told at once."""


class Failures:
    """Counts the failures of each address; old ones count less and less.

    Parameters
    ----------
    clock
        Seconds, by a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def delay(self, address: str) -> float:
        """Count a failure, and return after how many seconds to tell of it."""
        now = self._clock()
        with self._lock:
            count, since = self._counts.pop(address, (0.0, now))
            count = count * 0.5 ** ((now - since) / HALF_LIFE) + 1
            self._counts[address] = count, now
            if len(self._counts) > MAX_ADDRESSES:
                self._counts.popitem(last=False)
        over = count - FREE_FAILURES
        return 0.0 if over <= 0 else min(MAX_DELAY, FIRST_DELAY * 2 ** min(over, 10))


class Denials:
    """Refuses calls for whom they come from."""

    def __init__(self, observers: Observers) -> None:
        self._observers = observers
        self._failures = Failures()
        self._pool = start_pool(1, "denial")
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="imgsvc-denials", daemon=True)
        self._thread.start()

    def handler(self, record: Record, refusal: Refusal) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return a handler that refuses a call, of whatever kind it is on the wire."""

        def deny(
            _messages: Iterator[bytes], context: grpc.ServicerContext, send: Callable[[Any], None]
        ) -> None:
            record.peer = context.peer()

            def end() -> None:
                # It sets the status and raises; sending nothing then ends the call with that status.
                with contextlib.suppress(Exception):
                    fail(record, context, refusal)
                send(None)
                self._observers.finished(record)

            self._later(self._failures.delay(address_of(record.peer)), end)

        # Functions with these two may return before their call is over: see imgsvc.server.health.
        non_blocking: Any = deny
        non_blocking.experimental_thread_pool = self._pool
        non_blocking.experimental_non_blocking = True
        return grpc.stream_stream_rpc_method_handler(non_blocking)

    def close(self) -> None:
        """Tell those who wait, and end the threads."""
        self._pool.shutdown()
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _later(self, seconds: float, end: Callable[[], None]) -> None:
        with self._changed:
            wait = seconds > 0 and len(self._waiting) < MAX_WAITING and not self._closed
            if wait:
                heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), end))
                self._changed.notify()
        if not wait:
            end()

    def _run(self) -> None:
        while (end := self._next()) is not None:
            end()

    def _next(self) -> Callable[[], None] | None:
        """Wait for the time of the first refusal, and return it; None at the end."""
        with self._changed:
            while True:
                seconds = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if seconds is not None and (seconds <= 0 or self._closed):
                    return heapq.heappop(self._waiting)[2]
                if self._closed:
                    return None
                self._changed.wait(seconds)
