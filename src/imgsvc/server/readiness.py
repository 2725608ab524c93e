"""Whether the server wants calls: what balancers ask, of which liveness knows nothing."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SATURATED", "SHUTTING_DOWN", "STARTING", "Readiness"]

log = logging.getLogger("imgsvc.server")

STARTING = "starting"
SATURATED = "saturated"
SHUTTING_DOWN = "shutting down"


class Readiness:
    """Ready while nothing speaks against it; called, it says whether. Of any thread."""

    def __init__(self) -> None:
        self._reasons: set[str] = {STARTING}
        self._listeners: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        """Return whether the server wants calls."""
        return not self._reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """What speaks against it: `STARTING`, `SATURATED`, `SHUTTING_DOWN`."""
        with self._lock:
            return tuple(sorted(self._reasons))

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener`, which must not wait, after each change; it asks what is so by then."""
        self._listeners.append(listener)

    def fall(self, reason: str) -> None:
        """Be ready no more, for a reason."""
        with self._lock:
            was_ready = not self._reasons
            self._reasons.add(reason)
        if was_ready:
            self._tell()

    def rise(self, reason: str) -> None:
        """Be ready again, if nothing but this was against it."""
        with self._lock:
            was_ready = not self._reasons
            self._reasons.discard(reason)
            changed = not was_ready and not self._reasons
        if changed:
            self._tell()

    def _tell(self) -> None:
        reasons = self.reasons
        log.info("not ready: %s", ", ".join(reasons)) if reasons else log.info("ready")
        for listener in self._listeners:
            listener()
