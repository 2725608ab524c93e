"""Who computes on how many cores.

A call that computes alone gets all cores, and one of several gets one. libgomp keeps a team of threads for
every thread that ever opened a parallel region, so parallel kernels run on one thread made for them; a
single-threaded kernel runs where it is called.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from imgsvc._threads import threads_for
from imgsvc.server.pools import start_pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc._images import Image


class Cores:
    """Shares a number of cores among the calls that compute at the same time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._running = 0
        self._lock = threading.Lock()
        self._lane = start_pool(1, "lane")

    def run(self, compute: Callable[[int], Image], num_bytes: int) -> Image:
        """Return `compute(num_threads)`, for work over `num_bytes`."""
        with self._lock:
            self._running += 1
            alone = self._running == 1
        try:
            num_threads = min(self._count, threads_for(num_bytes, None)) if alone else 1
            if num_threads == 1:
                return compute(1)
            return self._lane.submit(compute, num_threads).result()
        finally:
            with self._lock:
                self._running -= 1

    def close(self) -> None:
        """End the lane's thread."""
        self._lane.shutdown()
