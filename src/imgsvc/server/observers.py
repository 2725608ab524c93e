"""Those who look at calls that are over: logs, metrics and the like, on a thread of their own.

A call pays for putting its record into a queue, no more. The thread takes what has gathered, in batches. It
sleeps until there is something, and then a moment longer, so that it wakes rarely however many calls end.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgsvc.server.call import Work
    from imgsvc.server.capture import Capture

log = logging.getLogger("imgsvc.server")

__all__ = ["Observer", "Observers"]

GATHER_SECONDS = 0.025
MAX_WAITING = 16384
"""Records, of about a kilobyte: what comes in seconds while an observer hangs, say on a full pipe."""

BATCH = 256
CLOSE_SECONDS = 2.0


class Observer(Protocol):
    """Looks at calls that are over. It is called by one thread at a time."""

    def observe(self, records: Sequence[Work]) -> None:
        """Look at some, in the order of their ends."""

    def close(self) -> None:
        """Finish: there will be no more."""


class Observers:
    """A queue of records, and the thread that shows them to the observers.

    Parameters
    ----------
    observers
        In the order in which they are shown each batch.
    capture
        One of them, where requests that fail are kept.

    Attributes
    ----------
    captures : bool
        Whether records are to have their calls' requests.
    dropped : int
        Records that nobody saw, since the queue was full.
    """

    def __init__(self, observers: Sequence[Observer], capture: Capture | None = None) -> None:
        self.dropped = 0
        self._capture = capture
        self.captures = capture is not None
        self._observers = tuple(observers)
        self._failing: set[Observer] = set()
        self._reported = 0
        self._queue: collections.deque[Work] = collections.deque()
        self._news = threading.Event()
        self._closed = threading.Event()
        self._hurry = threading.Event()
        self._asked: collections.deque[threading.Event] = collections.deque()
        self._thread = threading.Thread(target=self._run, name="imgsvc-observers", daemon=True)
        self._thread.start()

    def finished(self, record: Work) -> None:
        """Take the record of a call that is over; any thread may call it, gRPC's too."""
        record.ended = time.monotonic()
        if not record.answered:
            record.answered = record.ended
        if len(self._queue) >= MAX_WAITING:
            self.dropped += 1
            return
        if self._capture is not None:
            self._capture.choose(record)
        self._queue.append(record)
        if not self._news.is_set():  # looking is cheaper than setting
            self._news.set()

    def flush(self, timeout: float) -> None:
        """Have the thread show what has gathered, and wait for that no longer than `timeout` seconds."""
        shown = threading.Event()
        self._asked.append(shown)
        self._hurry.set()
        self._news.set()
        shown.wait(timeout)

    def close(self) -> None:
        """Show the last records, and end the thread and the observers; not for long, if one hangs."""
        self._closed.set()
        self._hurry.set()
        self._news.set()
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            return
        for observer in self._observers:
            observer.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._news.wait()
            self._hurry.wait(GATHER_SECONDS)
            self._news.clear()
            self._hurry.clear()
            self._answer()
        self._answer()  # once more: of what came after the last look

    def _answer(self) -> None:
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        self._show()
        for shown in asked:
            shown.set()

    def _show(self) -> None:
        queue = self._queue
        while queue:
            records = [queue.popleft() for _ in range(min(len(queue), BATCH))]
            for observer in self._observers:
                self._show_to(observer, records)
        if self.dropped > self._reported:
            log.warning("%d calls are neither logged nor counted: too many at a time", self.dropped)
            self._reported = self.dropped

    def _show_to(self, observer: Observer, records: Sequence[Work]) -> None:
        try:
            observer.observe(records)
        except Exception:
            if observer not in self._failing:  # once until it works again: the log may be what fails
                self._failing.add(observer)
                log.exception("%s fails", type(observer).__name__)
        else:
            self._failing.discard(observer)
