"""How much of the machine others had while something was measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
IDLE, IO_WAIT = 3, 4  # fields of its first line, of which there are ten


class Disturbance:
    """Since it was made: the CPUs that other processes, and a hypervisor's other guests, kept busy."""

    def __init__(self) -> None:
        self._start = _clocks()

    def cpus(self) -> float | None:
        """Return their number on average, or None where it is not known, as outside Linux."""
        if self._start is None or (now := _clocks()) is None:
            return None
        wall, busy, own = (after - before for before, after in zip(self._start, now, strict=True))
        return max(0.0, (busy - own) / wall)


def _clocks() -> tuple[float, float, float] | None:
    """Return the seconds of the wall, of all CPUs' work, and of this process's."""
    try:
        ticks = [int(field) for field in STAT.read_text("ascii").splitlines()[0].split()[1:]]
    except OSError:
        return None
    busy = (sum(ticks) - ticks[IDLE] - ticks[IO_WAIT]) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter(), busy, time.process_time()
