"""Saturation: when the server has refused calls for its load for so long that balancers had better know."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from imgsvc.server.readiness import SATURATED

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from imgsvc.server.call import Work
    from imgsvc.server.readiness import Readiness

__all__ = ["Saturation"]

LOOK_SECONDS = 0.5
REFUSED_SHARE = 0.1
"""Of a caller's calls: a burst that meets a limit now and then is what limits are for."""


class Saturation:
    """Observes calls, and has readiness fall and rise.

    It takes more than half of those who call, and two at least: one who sends too much is refused, and that
    is that.

    Parameters
    ----------
    readiness
        The server's.
    fall_after
        Seconds in each of which calls were refused for load.
    rise_after
        Seconds in which none was: fewer calls come to a server that is not ready, so this alone does not say
        that it would have had room.
    """

    def __init__(self, readiness: Readiness, fall_after: float, rise_after: float) -> None:
        self._readiness = readiness
        self._fall_after = fall_after
        self._rise_after = rise_after
        self._callers: dict[Hashable, list[int]] = {}
        self._busy_since: float | None = None
        self._calm_since: float | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imgsvc-saturation", daemon=True)
        self._thread.start()

    def observe(self, records: Sequence[Work]) -> None:
        """Count calls, and those that were refused for load."""
        with self._lock:
            for record in records:
                count = self._callers.setdefault(record.flow, [0, 0])
                count[0] += 1
                count[1] += record.overloaded

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            with self._lock:
                callers, self._callers = self._callers, {}
            self.look(time.monotonic(), list(callers.values()))

    def look(self, now: float, callers: Sequence[Sequence[int]]) -> None:
        """Take in what has come since the last look: of each caller the calls, and the refused ones."""
        turned_away = sum(refused > REFUSED_SHARE * calls for calls, refused in callers)
        if len(callers) > 1 and 2 * turned_away > len(callers):
            self._busy_since = now if self._busy_since is None else self._busy_since
            if now - self._busy_since >= self._fall_after:
                self._readiness.fall(SATURATED)
        else:
            self._busy_since = None
        if any(refused for _, refused in callers):
            self._calm_since = None
        else:
            self._calm_since = now if self._calm_since is None else self._calm_since
            if now - self._calm_since >= self._rise_after:
                self._readiness.rise(SATURATED)
