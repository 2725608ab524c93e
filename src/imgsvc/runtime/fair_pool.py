"""A pool whose threads go round the callers, so that one who sends much waits for himself."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

from imgsvc.runtime.pools import Pool, Work, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from imgsvc.runtime.pools import Worker

__all__ = ["FairPool", "start_fair_pool"]


def start_fair_pool(threads: int, name: str) -> FairPool:
    """Return such a pool; see `imgsvc.runtime.pools.start_pool`."""
    pool = FairPool(threads - threads // 4)
    fill(pool, threads, name)
    return pool


class FairPool(Pool):
    """Callers wait in queues of their own, which take turns.

    Parameters
    ----------
    most
        How many threads one caller has at a time: what it does with them may take long.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._waiting: collections.OrderedDict[Hashable, collections.deque[_CallersWork]] = (
            collections.OrderedDict()
        )
        self._working: dict[Hashable, int] = {}

    def submit_for(self, caller: Hashable, fn: Callable[..., Any], /, *args: Any) -> None:
        """Let a thread call `fn` for a caller."""
        work = _CallersWork(fn, args, caller, self._ended)
        with self._lock:
            self._check_open()
            if self._idle and self._working.get(caller, 0) < self._most:
                self._count(caller, 1)
                self._idle.pop().give(work)
            else:
                self._waiting.setdefault(caller, collections.deque()).append(work)

    def _next_work(self, worker: Worker) -> Work | None:
        with self._lock:
            work = self._take()
            if work is not None:
                return work
            if self._closed and not self._waiting:
                return None
            self._idle.append(worker)
        return worker.take()

    def _take(self) -> _CallersWork | None:
        """Return what is next, with the lock held; None if there is nothing, or only of who has enough."""
        may = (caller for caller in self._waiting if self._working.get(caller, 0) < self._most)
        caller = next(may, None)
        if caller is None:
            return None
        waiting = self._waiting.pop(caller)
        work = waiting.popleft()
        if waiting:
            self._waiting[caller] = waiting  # behind the others
        self._count(caller, 1)
        return work

    def _ended(self, caller: Hashable) -> None:
        with self._lock:
            self._count(caller, -1)
            if self._closed and not self._waiting:
                while self._idle:
                    self._idle.pop().give(None)

    def _count(self, caller: Hashable, change: int) -> None:
        count = self._working.get(caller, 0) + change
        if count:
            self._working[caller] = count
        else:
            self._working.pop(caller, None)


class _CallersWork(Work):
    __slots__ = ("_caller", "_ended")

    def __init__(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        caller: Hashable,
        ended: Callable[[Hashable], None],
    ) -> None:
        super().__init__(fn, args)
        self._caller = caller
        self._ended = ended

    def run(self) -> None:
        super().run()
        self._ended(self._caller)
