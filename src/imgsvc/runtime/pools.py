"""Thread pools that are complete when they are made, and that wake one thread for one piece of work."""

from __future__ import annotations

import abc
import collections
import logging
import threading
from typing import TYPE_CHECKING, Any

from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("imgsvc.runtime")

__all__ = ["Pool", "Threads", "Work", "Worker", "fill", "start_pool"]


def start_pool(threads: int, name: str) -> Pool:
    """Return a pool whose threads all run.

    An executor starts them as work comes. Where the system gives no more threads, that would end the serving
    of every call, silently; here it is an error at start-up.

    Raises
    ------
    ConfigurationError
        The system gives no more threads.
    """
    pool = Pool()
    fill(pool, threads, name)
    return pool


def fill(pool: Threads, threads: int, name: str) -> None:
    """Start the threads of a pool; see `start_pool`."""
    try:
        for number in range(threads):
            pool.start_thread(f"imgsvc-{name}_{number}")
    except RuntimeError as error:
        pool.shutdown(wait=False)
        raise ConfigurationError(f"cannot start {threads} threads for {name}: {error}") from error


class Threads(abc.ABC):
    """What pools are made of: threads, those of them that have nothing to do, and the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._workers: list[Worker] = []
        self._closed = False

    def start_thread(self, name: str) -> None:
        """Add a thread; raises RuntimeError where the system gives no more."""
        worker = Worker(name, self._next_work)
        worker.thread.start()
        self._workers.append(worker)

    def shutdown(self, *, wait: bool = True) -> None:
        """End the threads when all that was submitted is done."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().give(None)
        if wait:
            for worker in self._workers:
                worker.thread.join()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("cannot take work after shutdown")

    @abc.abstractmethod
    def _next_work(self, worker: Worker) -> Work | None:
        """Return what a worker does next, when there is something; None for the end."""


class Pool(Threads):
    """Threads for functions that deal with their own errors.

    The executor of the standard library has its idle threads wait at one queue. Each that takes something
    from there wakes the next, which finds nothing, and takes the GIL from the one that works. Here a piece of
    work wakes one thread: the last that became idle, whose caches are the warmest.
    """

    def __init__(self) -> None:
        super().__init__()
        self._backlog: collections.deque[Work] = collections.deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Let a thread call `fn`, in the order of submission."""
        work = Work(fn, args)
        with self._lock:
            self._check_open()
            if self._idle:
                self._idle.pop().give(work)
            else:
                self._backlog.append(work)

    def _next_work(self, worker: Worker) -> Work | None:
        with self._lock:
            if self._backlog:
                return self._backlog.popleft()
            if self._closed:
                return None
            self._idle.append(worker)
        return worker.take()


class Work:
    """A call of a function."""

    __slots__ = ("_args", "_fn")

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._fn = fn
        self._args = args

    def run(self) -> None:
        """Make the call; an error of it is logged, and goes nowhere else."""
        try:
            self._fn(*self._args)
        except Exception:
            log.exception("a thread's work failed")


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
