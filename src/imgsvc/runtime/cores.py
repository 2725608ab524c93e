"""Who computes on how many cores.

The cores are a budget, and the grants of all that compute never pass it. Who comes when there are none left
waits for a turn, which comes to the flow that has had least. libgomp keeps a team of threads for every
thread that ever opened a parallel region, so grants of several cores are used on a few threads made for that,
the lanes; with one core the work runs where it is called.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from imgsvc._stop import Stop
from imgsvc.errors import StoppedError
from imgsvc.runtime.fair_pool import blocking
from imgsvc.runtime.fair_queue import FairQueue, Kind
from imgsvc.runtime.pools import start_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Cores", "Job", "Lane"]

T = TypeVar("T")

AT_ONCE_BYTES = 1 << 16
"""An image up to here is done in ten microseconds: sooner than a place in a queue could be found for it."""

BYTES_PER_CORE = 4 << 20
"""An image smaller than two of these is done sooner by one thread than a lane and its team wake up."""

LONG_SECONDS = 0.25
"""Jobs that take one core longer than this never hold the last one, where there are several: nobody can make
them give it back, and the others want a turn soon."""

LEAST_SECONDS = 1e-3
"""What a turn is charged when it begins, at least: of some jobs nobody knows what they take."""


KINDS = Kind(), Kind(long=True)
BATCH_KINDS = Kind(batch=True), Kind(long=True, batch=True)


class Job:
    """One piece of work on the cores, which may be cancelled while it waits and while it runs.

    Parameters
    ----------
    seconds
        From now to its deadline; None for none.
    flow
        Whose it is: flows take turns.
    batch
        Whether it is one of many that have been sent together.

    Attributes
    ----------
    predicted : float
        The seconds that it will take one core; 0 where nobody knows.
    counted : float
        Those that are counted among what is to be done.
    stop : Stop
        What its kernels look at.
    core_seconds : float
        What it has cost so far: the cores it was granted, times the seconds it held them.
    wasted : float
        Those of them that are counted as spent for nobody.
    """

    __slots__ = ("_kinds", "_turn", "core_seconds", "counted", "flow", "predicted", "stop", "wasted")

    def __init__(self, seconds: float | None = None, flow: Hashable = "", *, batch: bool = False) -> None:
        self.flow: Any = flow
        self.predicted = self.counted = self.core_seconds = self.wasted = 0.0
        self._kinds = BATCH_KINDS if batch else KINDS
        self.stop = Stop(seconds)
        self._turn: threading.Lock | None = None

    @property
    def kind(self) -> Kind:
        """What it is told apart by from other work of its flow."""
        return self._kinds[self.predicted > LONG_SECONDS]

    def note(self, stage: str, start: float, end: float) -> None:
        """Note that it was in a stage, such as ``"queue"``, between two times on the monotonic clock."""

    def cancel(self) -> None:
        """End it, whatever it does; may be called from any thread, early, late and often."""
        self.stop.cancel()
        turn = self._turn
        if turn is not None:
            _wake(turn)

    def wait(self, turn: threading.Lock) -> None:
        """Wait until the turn has come, or the end."""
        start = time.monotonic()
        self._turn = turn
        if not self.stop.cancelled:  # or `cancel` may have looked for the turn before it was there
            remaining = self.stop.remaining
            with blocking():
                turn.acquire(
                    timeout=-1 if remaining is None else min(max(remaining, 0.0), threading.TIMEOUT_MAX)
                )
        self._turn = None
        self.note("queue", start, time.monotonic())


class Cores:
    """Shares a number of cores among the jobs that compute at the same time.

    Parameters
    ----------
    count
        The budget.

    Attributes
    ----------
    core_seconds, wasted_core_seconds : float
        What all jobs have cost so far, and of that, those that turned out to be for nobody.
    """

    def __init__(self, count: int) -> None:
        self.core_seconds = 0.0
        self.wasted_core_seconds = 0.0
        self._count = count
        self._free = count
        self._free_for_long = max(1, count - 1)
        self._lock = threading.Lock()
        self._waiting: FairQueue[_Turn] = FairQueue()
        # Two cores are the smallest grant that needs a lane. Of several large grants at the same time the
        # second is at most half of all, the third a third: no lane's team needs more threads than that.
        widths = [count // number for number in range(1, count // 2 + 1)]
        self._lanes = [Lane(width) for width in widths]
        self._free_lanes = list(reversed(self._lanes))  # narrowest first

    @property
    def in_use(self) -> int:
        """The cores that are granted."""
        return self._count - self._free

    @property
    def waiting(self) -> int:
        """How many wait for a grant."""
        return len(self._waiting)

    def run(self, compute: Callable[[int], T], num_bytes: int, job: Job, most: int | None = None) -> T:
        """Return `compute(num_threads)`, for work over `num_bytes`, with `most` threads at most.

        Raises
        ------
        StoppedError
            The job was cancelled, or its deadline passed, before its turn came.
        """
        if num_bytes <= AT_ONCE_BYTES:
            return compute(1)
        turn = self._enter(max(1, min(most or self._count, self._count, num_bytes // BYTES_PER_CORE)), job)
        start = time.monotonic()
        try:
            if turn.lane is None:
                return compute(1)
            return turn.lane.run(compute, turn.cores)
        finally:
            spent = turn.cores * (time.monotonic() - start)
            job.core_seconds += spent
            self._leave(turn, spent)

    def note_waste(self, job: Job) -> None:
        """Count what a job has cost as spent for nobody: once, however often it is noted."""
        with self._lock:
            self.wasted_core_seconds += job.core_seconds - job.wasted
            job.wasted = job.core_seconds

    def close(self) -> None:
        """End the lanes' threads."""
        for lane in self._lanes:
            lane.close()

    def _enter(self, wanted: int, job: Job) -> _Turn:
        turn = _Turn(wanted, job)
        with self._lock:
            if self._free and not self._waiting and (self._free_for_long or not turn.kind.long):
                self._grant(turn, self._free)
                return turn
            self._waiting.put(turn, turn.flow, turn.kind)
            self._hand_out()
        if not turn.cores:
            job.wait(turn.came)
            with self._lock:
                if not turn.cores:  # the end came first
                    self._waiting.remove(turn, turn.flow, turn.kind)
                    raise StoppedError(cancelled=job.stop.cancelled)
        return turn

    def _leave(self, turn: _Turn, spent: float) -> None:
        with self._lock:
            self.core_seconds += spent
            self._free += turn.cores
            if turn.kind.long:
                self._free_for_long += turn.cores
            if self._waiting or turn.charged:  # what was used while nobody else wanted it is free
                self._waiting.charge(turn.flow, turn.kind, spent - turn.charged)
            if turn.lane is not None:
                self._free_lanes.append(turn.lane)
                self._free_lanes.sort(key=lambda lane: lane.width)
            if self._waiting:
                self._hand_out()

    def _hand_out(self) -> None:
        """Grant the free cores to those who wait, with the lock held."""
        while self._free and self._waiting:
            share = max(1, self._free // len(self._waiting))
            turn = self._waiting.take(with_long=self._free_for_long > 0)
            if turn is None:
                return
            turn.charged = max(turn.predicted, LEAST_SECONDS)
            self._waiting.charge(turn.flow, turn.kind, turn.charged)
            self._grant(turn, share)
            _wake(turn.came)

    def _grant(self, turn: _Turn, most: int) -> None:
        """Give a turn as many cores as it wants, `most` at most, with the lock held."""
        turn.cores = min(turn.wanted, most)
        if turn.kind.long:
            turn.cores = min(turn.cores, self._free_for_long)
        if turn.cores > 1 and self._free_lanes:
            wide_enough = (lane for lane in self._free_lanes if lane.width >= turn.cores)
            turn.lane = next(wide_enough, self._free_lanes[-1])
            self._free_lanes.remove(turn.lane)
        turn.cores = min(turn.cores, turn.lane.width if turn.lane else 1)
        self._free -= turn.cores
        if turn.kind.long:
            self._free_for_long -= turn.cores


class _Turn:
    """A place in the queue, and then a grant."""

    def __init__(self, wanted: int, job: Job) -> None:
        self.wanted = wanted
        self.flow = job.flow
        self.kind = job.kind
        self.predicted = job.predicted - job.core_seconds
        self.charged = 0.0
        self.cores = 0
        self.lane: Lane | None = None
        self.came = threading.Lock()
        self.came.acquire()


class Lane:
    """A thread for parallel kernels on up to `width` cores, one after another."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._pool = start_pool(1, "lane")

    def run(self, compute: Callable[[int], T], num_threads: int) -> T:
        """Return what `compute(num_threads)` does on the lane's thread, or raise what it raises."""
        ended = threading.Lock()
        ended.acquire()
        results: list[T] = []
        errors: list[Exception] = []

        def run() -> None:
            try:
                results.append(compute(num_threads))
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                errors.append(error)
            finally:
                ended.release()

        self._pool.submit(run)
        ended.acquire()
        if errors:
            raise errors.pop()  # an error that this frame holds would hold this frame
        return results[0]

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()


def _wake(turn: threading.Lock) -> None:
    with contextlib.suppress(RuntimeError):  # it is awake already
        turn.release()
