"""Caller: whom a call is counted for, by key, by certificate or by address."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from imgsvc.server.refusals import OverQuota

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.callers.entry import CallerEntry

__all__ = ["Caller"]

CALL_SECONDS = 0.5
"""In which one of several calls is likely to end."""


class Caller:
    """What one caller has under way, and has had computed lately.

    Pixels are a token bucket that holds a second's worth. A request is let in while there is anything in it,
    and may take more than there is: so an image that is larger than a second's worth gets through, and what
    comes after waits until that has been made up for.

    Parameters
    ----------
    key
        What tells it from others: its name, or an address.
    entry
        What the operator says of it; None for an address.
    clock
        Seconds, by a clock that never goes back.

    Attributes
    ----------
    calls, streams
        In flight; the limiter and the batches count them.
    """

    __slots__ = ("_clock", "_lock", "_pixels", "_since", "calls", "entry", "key", "streams")

    def __init__(
        self, key: str, entry: CallerEntry | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.key = key
        self.entry = entry
        self.calls = self.streams = 0
        self._clock = clock
        self._pixels = float(self.pixels_per_second or 0)
        self._since = clock()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return its key."""
        return f"Caller({self.key!r})"

    @property
    def name(self) -> str:
        """The name that the operator gave it; empty for an address."""
        return "" if self.entry is None else self.entry.name

    @property
    def pixels_per_second(self) -> int | None:
        """Its quota; None for none."""
        return None if self.entry is None else self.entry.pixels_per_second

    @property
    def idle(self) -> bool:
        """Whether there is nothing of it to be remembered."""
        return not (self.calls or self.streams or self.entry)

    def replace(self, entry: CallerEntry) -> None:
        """Go on with other quotas."""
        with self._lock:
            self._fill()
            if self.pixels_per_second is None:
                self._pixels = float(entry.pixels_per_second or 0)
            self.entry = entry

    def check_calls(self) -> None:
        """Raise OverQuota if it has as many calls in flight as it may have."""
        limit = None if self.entry is None else self.entry.max_calls
        if limit is not None and self.calls >= limit:
            count = f"{self.calls + 1} calls in flight, expected at most {limit}"
            raise OverQuota(
                "calls in flight of a caller",
                str(self.calls + 1),
                f"caller {self.name}: {count}; try again when one of them has ended",
                CALL_SECONDS,
            )

    def check_pixels(self) -> None:
        """Raise OverQuota if pixels that were spent before have to be made up for first."""
        seconds = self.seconds_in_debt()
        if seconds:
            rate = self.pixels_per_second
            raise OverQuota(
                "pixels a second of a caller",
                "more",
                f"caller {self.name}: more than {rate} pixels a second; try again in {seconds:.3g} s",
                seconds,
            )

    def spend(self, pixels: int) -> None:
        """Count pixels, also those that are not there."""
        if self.pixels_per_second is not None:
            with self._lock:
                self._fill()
                self._pixels -= pixels

    def seconds_in_debt(self) -> float:
        """Return how long it will take to make up for what was spent."""
        rate = self.pixels_per_second
        if rate is None:
            return 0.0
        with self._lock:
            self._fill()
            return 0.0 if self._pixels > 0 else (1 - self._pixels) / rate

    def _fill(self) -> None:
        now = self._clock()
        rate = self.pixels_per_second or 0
        self._pixels = min(self._pixels + rate * (now - self._since), float(rate))
        self._since = now
