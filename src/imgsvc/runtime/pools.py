"""Thread pools that are complete when they are made, and that wake one thread for one piece of work."""

from __future__ import annotations

import collections
import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("imgsvc.runtime")

__all__ = ["Done", "Inline", "Pool", "Work", "Worker", "fill", "start_pool"]


def start_pool(threads: int, name: str) -> Pool:
    """Return a pool whose threads all run.

    An executor starts them as calls come, on gRPC's serving thread. Where the system gives no more threads,
    that ends the serving of every call, silently; here it is an error at start-up.

    Raises
    ------
    ConfigurationError
        The system gives no more threads.
    """
    pool = Pool()
    fill(pool, threads, name)
    return pool


def fill(pool: Pool, threads: int, name: str) -> None:
    """Start the threads of a pool; see `start_pool`."""
    try:
        for number in range(threads):
            pool.start_thread(f"imgsvc-{name}_{number}")
    except RuntimeError as error:
        pool.shutdown(wait=False)
        raise ConfigurationError(f"cannot start {threads} threads for {name}: {error}") from error


class Pool(ThreadPoolExecutor):
    """What gRPC takes for an executor: functions that deal with their own errors, each on one of its threads.

    The executor of the standard library has its idle threads wait at one queue. Each that takes something
    from there wakes the next, which finds nothing, and takes the GIL from the one that works. Here a piece of
    work wakes one thread: the last that became idle, whose caches are the warmest.
    """

    def __init__(self) -> None:
        super().__init__(1)  # it starts its own threads when work is put into its own queue: never
        self._lock = threading.Lock()
        self._backlog: collections.deque[Work] = collections.deque()
        self._idle: list[Worker] = []
        self._workers: list[Worker] = []
        self._closed = False

    def start_thread(self, name: str) -> None:
        """Add a thread; raises RuntimeError where the system gives no more."""
        worker = Worker(name, self._next_work)
        worker.thread.start()
        self._workers.append(worker)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Done:  # type: ignore[override]
        """Let a thread call `fn`, in the order of submission."""
        work = Work(fn, args, kwargs)
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")  # as executors say it
            if self._idle:
                self._idle.pop().give(work)
            else:
                self._backlog.append(work)
        return work.done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """End the threads when all that was submitted is done."""
        super().shutdown(wait=False)
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().give(None)
        if wait:
            for worker in self._workers:
                worker.thread.join()

    def _next_work(self, worker: Worker) -> Work | None:
        """Return what a worker does next, when there is something; None for the end."""
        with self._lock:
            if self._backlog:
                return self._backlog.popleft()
            if self._closed:
                return None
            self._idle.append(worker)
        return worker.take()


class Done:
    """What gRPC asks of a future: to be told of the end."""

    def __init__(self) -> None:
        self._ended = False
        self._callbacks: list[Callable[[Done], None]] = []

    def add_done_callback(self, callback: Callable[[Done], None]) -> None:
        """Call `callback` at the end, or now if that has been."""
        self._callbacks.append(callback)
        if self._ended:
            self._call()

    def note(self) -> None:
        """Note the end."""
        self._ended = True
        self._call()

    def _call(self) -> None:
        # Two threads may come here at the same time; each callback is popped by one of them.
        with contextlib.suppress(IndexError):
            while True:
                self._callbacks.pop()(self)


class Work:
    """A call of a function, and its end."""

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._fn = fn
        self._args = args
        self._kwargs = kwargs
        self.done = Done()

    def run(self) -> None:
        """Make the call; an error of it is logged, and goes nowhere else."""
        try:
            self._fn(*self._args, **self._kwargs)
        except Exception:
            log.exception("a thread's work failed")
        finally:
            self.done.note()


class Worker:
    """A thread, and the place where it waits for work."""

    def __init__(self, name: str, next_work: Callable[[Worker], Work | None]) -> None:
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._next_work = next_work
        self._given = threading.Lock()
        self._given.acquire()
        self._work: Work | None = None

    def give(self, work: Work | None) -> None:
        """Wake the thread, which waits, for this."""
        self._work = work
        self._given.release()

    def take(self) -> Work | None:
        """Wait for `give`."""
        self._given.acquire()
        work, self._work = self._work, None
        return work

    def _run(self) -> None:
        while (work := self._next_work(self)) is not None:
            work.run()
            del work  # or it would live until the next


class Inline(ThreadPoolExecutor):
    """What gRPC takes for an executor, and has no threads: work is done where it is submitted.

    For what is done in microseconds, and does not wait.
    """

    def __init__(self) -> None:  # and not the executor's
        """Have nothing."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Done:  # type: ignore[override]
        """Call `fn` now."""
        work = Work(fn, args, kwargs)
        work.run()
        return work.done
