"""Those who watch the health of a service."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from imgsvc.runtime.pools import start_pool
from imgsvc.server.timer import Timed

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from imgsvc.server.timer import CallTimer

__all__ = ["Watcher", "Watchers"]

NOTICE_SECONDS = 1.0
"""For a watcher to take a status, a few bytes: one that reads nothing is ended, and nobody waits for it."""


class Watcher:
    """One of them.

    Parameters
    ----------
    context, send
        Its call, and what sends to it: that waits until gRPC has taken the message.
    status
        Says what to tell.
    """

    def __init__(
        self, context: grpc.ServicerContext, send: Callable[[bytes], None], status: Callable[[], bytes]
    ) -> None:
        self._send = send
        self._status = status
        self._told: bytes | None = None
        self._lock = threading.Lock()
        self.timed = Timed(context, math.inf, f"watch: not taken within {NOTICE_SECONDS:g} s")

    def tell(self) -> None:
        """Send the status, if it is another than before."""
        with self._lock:
            status = self._status()
            if status != self._told and not self.timed.expired:
                self._told = status
                self._send(status)


class Watchers:
    """All of them, and the thread that tells them of changes."""

    def __init__(self, timer: CallTimer, most: int) -> None:
        self._timer = timer
        self._most = most
        self._watchers: set[Watcher] = set()
        self._lock = threading.Lock()
        self._pool = start_pool(1, "notice")

    def add(self, watcher: Watcher) -> bool:
        """Take one in, and tell it how things are; return False if there are too many."""
        with self._lock:
            if len(self._watchers) >= self._most:
                return False
            self._watchers.add(watcher)
        self._tell([watcher])
        return True

    def discard(self, watcher: Watcher) -> None:
        """Forget one."""
        with self._lock:
            self._watchers.discard(watcher)
        self._timer.stop(watcher.timed)

    def tell(self, seconds: float = 0.0) -> None:
        """Have all told how things are, and wait so long for that."""
        told = threading.Event()
        self._pool.submit(self._tell_all).add_done_callback(lambda _: told.set())
        if seconds:
            told.wait(seconds)

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()

    def _tell_all(self) -> None:
        with self._lock:
            watchers = list(self._watchers)
        self._tell(watchers)

    def _tell(self, watchers: list[Watcher]) -> None:
        """Tell some, whose time runs from the same moment: together they take no longer than one may."""
        end = time.monotonic() + NOTICE_SECONDS
        for watcher in watchers:
            watcher.timed.end = end
            self._timer.start(watcher.timed)
        for watcher in watchers:
            watcher.tell()
            self._timer.stop(watcher.timed)
