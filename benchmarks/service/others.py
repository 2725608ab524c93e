"""How much of the machine others had, where the benchmark itself is several processes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks.disturbance import Disturbance

if TYPE_CHECKING:
    from collections.abc import Callable


class Others:
    """As `Disturbance`, and the work of other processes of the benchmark's counts as its own.

    Parameters
    ----------
    own_seconds
        Returns the CPU seconds of those that run; those that end meanwhile may be left out.
    """

    def __init__(self, own_seconds: Callable[[], float]) -> None:
        self._disturbance = Disturbance()
        self._own_seconds = own_seconds
        self._start = self._now()

    def cpus(self) -> float | None:
        """Return the number of CPUs that others kept busy on average, or None where it is not known."""
        cpus = self._disturbance.cpus()
        wall, own = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return None if cpus is None else max(0.0, cpus - own / wall)

    def _now(self) -> tuple[float, float]:
        ended = os.times()
        return time.perf_counter(), self._own_seconds() + ended.children_user + ended.children_system
