"""A pool whose threads work next for the caller who has had least of their time.

Of its threads only so many work at a time. More of them than cores would take turns at those and at the GIL,
in the middle of everything; each switch costs, and all are done later. The others are for those that wait:
whoever calls what may wait does so within `blocking`, and somebody else works meanwhile.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from imgsvc.runtime.fair_queue import Shares
from imgsvc.runtime.pools import Threads, Work, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from imgsvc.runtime.pools import Worker

__all__ = ["CallersWork", "FairPool", "blocking", "start_fair_pool"]

_here = threading.local()
"""Of a thread that works: `pool`, whose it is, and `waited`, for how many seconds of this work."""


def start_fair_pool(threads: int, name: str, *, active: int) -> FairPool:
    """Return such a pool; see `imgsvc.runtime.pools.start_pool`."""
    pool = FairPool(threads - threads // 4, active)
    fill(pool, threads, name)
    return pool


@contextlib.contextmanager
def blocking() -> Iterator[None]:
    """Let another thread of the pool work while this one waits for something; elsewhere, do nothing.

    Whoever has waited goes on at once, beside those that work: what it has got is not to wait in its turn.
    """
    pool: FairPool | None = getattr(_here, "pool", None)
    if pool is None:
        yield
        return
    pool.pause()
    start = time.monotonic()
    try:
        yield
    finally:
        _here.waited += time.monotonic() - start
        pool.resume()


class FairPool(Threads):
    """Callers wait in queues of their own.

    Parameters
    ----------
    most
        How many threads one caller has at a time: what it does with them may take long.
    active
        How many work at a time, beside those in `blocking`.
    """

    def __init__(self, most: int, active: int) -> None:
        super().__init__()
        self._most = most
        self._active = active
        self._working = 0
        self._waiting: dict[Hashable, collections.deque[CallersWork]] = {}
        self._shares: Shares[Hashable] = Shares()
        self._threads_of: dict[Hashable, int] = {}

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a thread."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def submit_for(self, caller: Hashable, fn: Callable[..., Any], /, *args: Any) -> CallersWork:
        """Let a thread call `fn` for a caller."""
        work = CallersWork(fn, args, caller, self)
        with self._lock:
            self._check_open()
            self._waiting.setdefault(caller, collections.deque()).append(work)
            self._wake()
        return work

    def withdraw(self, work: CallersWork) -> bool:
        """Do no work that has not begun; return whether it had not."""
        with self._lock:
            if work.begun:
                return False
            self._remove(work)
            self._end_idle()
            return True

    def pause(self) -> None:
        """Count one thread less as working."""
        with self._lock:
            self._working -= 1
            self._wake()

    def resume(self) -> None:
        """Count it again."""
        with self._lock:
            self._working += 1

    def end(self, caller: Hashable, seconds: float) -> None:
        """Note that a piece of work of a caller is done, and what it took."""
        with self._lock:
            self._working -= 1
            self._count(caller, -1)
            self._shares.charge(caller, seconds)
            self._end_idle()

    def _next_work(self, worker: Worker) -> Work | None:
        with self._lock:
            work = self._take()
            if work is not None:
                return work
            if self._closed and not self._waiting:
                return None
            self._idle.append(worker)
        return worker.take()

    # With the lock held.

    def _wake(self) -> None:
        """Give what may be done now to threads that are idle."""
        while self._idle and (work := self._take()) is not None:
            self._idle.pop().give(work)

    def _take(self) -> CallersWork | None:
        """Return what is next; None if there is nothing, or enough is done already, for all or its caller."""
        if self._working >= self._active or not self._waiting:
            return None
        may = [caller for caller in self._waiting if self._threads_of.get(caller, 0) < self._most]
        if not may:
            return None
        caller = self._shares.next(may)
        work = self._waiting[caller][0]
        work.begun = True
        self._remove(work)
        if caller in self._waiting:
            self._waiting[caller] = self._waiting.pop(caller)  # behind those who have had as much
        self._working += 1
        self._count(caller, 1)
        return work

    def _remove(self, work: CallersWork) -> None:
        waiting = self._waiting[work.caller]
        waiting.remove(work)
        if not waiting:
            del self._waiting[work.caller]

    def _end_idle(self) -> None:
        """End the threads that have nothing to do, if nothing will come any more."""
        if self._closed and not self._waiting:
            while self._idle:
                self._idle.pop().give(None)

    def _count(self, caller: Hashable, change: int) -> None:
        count = self._threads_of.get(caller, 0) + change
        if count:
            self._threads_of[caller] = count
        else:
            self._threads_of.pop(caller, None)


class CallersWork(Work):
    """A call of a function for a caller.

    Attributes
    ----------
    caller
        Whose it is.
    begun : bool
        Whether a thread has taken it.
    """

    __slots__ = ("_pool", "begun", "caller")

    def __init__(
        self, fn: Callable[..., Any], args: tuple[Any, ...], caller: Hashable, pool: FairPool
    ) -> None:
        super().__init__(fn, args)
        self.caller = caller
        self.begun = False
        self._pool = pool

    def run(self) -> None:
        """Make the call."""
        _here.pool, _here.waited = self._pool, 0.0
        start = time.monotonic()
        super().run()
        self._pool.end(self.caller, time.monotonic() - start - _here.waited)
