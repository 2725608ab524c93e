"""A pool whose threads go round the callers, so that one who sends much waits for himself.

Of its threads only so many work at a time. More of them than cores would take turns at those and at the GIL,
in the middle of everything; each switch costs, and all are done later. The others are for those that wait:
whoever calls what may wait does so within `blocking`, and somebody else works meanwhile.
"""

from __future__ import annotations

import collections
import contextlib
import threading
from typing import TYPE_CHECKING, Any

from imgsvc.runtime.pools import Threads, Work, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from imgsvc.runtime.pools import Worker

__all__ = ["FairPool", "blocking", "start_fair_pool"]

_here = threading.local()
"""Whose thread this is, by the name `pool`."""


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
    pool.change_working(-1)
    try:
        yield
    finally:
        pool.change_working(1)


class FairPool(Threads):
    """Callers wait in queues of their own, which take turns.

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
        self._waiting: collections.OrderedDict[Hashable, collections.deque[_CallersWork]] = (
            collections.OrderedDict()
        )
        self._threads_of: dict[Hashable, int] = {}

    def submit_for(self, caller: Hashable, fn: Callable[..., Any], /, *args: Any) -> None:
        """Let a thread call `fn` for a caller."""
        work = _CallersWork(fn, args, caller, self)
        with self._lock:
            self._check_open()
            self._waiting.setdefault(caller, collections.deque()).append(work)
            self._wake()

    def change_working(self, change: int) -> None:
        """Count so many more threads, or less, as working."""
        with self._lock:
            self._working += change
            self._wake()

    def end(self, caller: Hashable) -> None:
        """Note that a piece of work of a caller is done."""
        with self._lock:
            self._working -= 1
            self._count(caller, -1)
            if self._closed and not self._waiting:
                while self._idle:
                    self._idle.pop().give(None)

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

    def _take(self) -> _CallersWork | None:
        """Return what is next; None if there is nothing, or enough is done already, for all or its caller."""
        if self._working >= self._active:
            return None
        may = (caller for caller in self._waiting if self._threads_of.get(caller, 0) < self._most)
        caller = next(may, None)
        if caller is None:
            return None
        waiting = self._waiting.pop(caller)
        work = waiting.popleft()
        if waiting:
            self._waiting[caller] = waiting  # behind the others
        self._working += 1
        self._count(caller, 1)
        return work

    def _count(self, caller: Hashable, change: int) -> None:
        count = self._threads_of.get(caller, 0) + change
        if count:
            self._threads_of[caller] = count
        else:
            self._threads_of.pop(caller, None)


class _CallersWork(Work):
    __slots__ = ("_caller", "_pool")

    def __init__(
        self, fn: Callable[..., Any], args: tuple[Any, ...], caller: Hashable, pool: FairPool
    ) -> None:
        super().__init__(fn, args)
        self._caller = caller
        self._pool = pool

    def run(self) -> None:
        _here.pool = self._pool
        super().run()
        self._pool.end(self._caller)
