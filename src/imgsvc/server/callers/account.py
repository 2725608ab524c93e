"""What one caller has under way, and has had computed lately."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from imgsvc.server.refusals import OverQuota

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.callers.caller import Caller

__all__ = ["Account"]

CALL_SECONDS = 0.5
"""In which one of several calls is likely to end."""


class Account:
    """Counts calls and pixels of a caller against its quotas, whatever becomes of these.

    Pixels are a token bucket that holds a second's worth. A request is let in while there is anything in it,
    and may take more than there is: so an image that is larger than a second's worth gets through, and what
    comes after waits until that has been made up for.

    Parameters
    ----------
    caller
        Whose it is.
    clock
        Seconds, by a clock that never goes back.
    """

    def __init__(self, caller: Caller, clock: Callable[[], float] = time.monotonic) -> None:
        self.caller = caller
        self._clock = clock
        self._calls = 0
        self._pixels = float(caller.pixels_per_second or 0)
        self._since = clock()
        self._lock = threading.Lock()

    def replace(self, caller: Caller) -> None:
        """Go on with other quotas."""
        with self._lock:
            self._fill()
            if self.caller.pixels_per_second is None:
                self._pixels = float(caller.pixels_per_second or 0)
            self.caller = caller

    def check_calls(self) -> None:
        """Raise what `enter` would now, and count nothing."""
        limit = self.caller.max_calls
        if limit is not None and self._calls >= limit:
            count = f"{self._calls + 1} calls in flight, expected at most {limit}"
            raise OverQuota(
                "calls in flight of a caller",
                str(self._calls + 1),
                f"caller {self.caller.name}: {count}; try again when one of them has ended",
                CALL_SECONDS,
            )

    def enter(self) -> None:
        """Count a call, until `leave`.

        Raises
        ------
        OverQuota
            There are as many as may be.
        """
        with self._lock:
            self.check_calls()
            self._calls += 1

    def leave(self) -> None:
        """Count it no longer."""
        with self._lock:
            self._calls -= 1

    def check_pixels(self) -> None:
        """Raise OverQuota if pixels that were spent before have to be made up for first."""
        seconds = self.seconds_in_debt()
        if seconds:
            rate = self.caller.pixels_per_second
            raise OverQuota(
                "pixels a second of a caller",
                "more",
                f"caller {self.caller.name}: more than {rate} pixels a second; try again in {seconds:.3g} s",
                seconds,
            )

    def spend(self, pixels: int) -> None:
        """Count pixels, also those that are not there."""
        with self._lock:
            if self.caller.pixels_per_second is not None:
                self._fill()
                self._pixels -= pixels

    def seconds_in_debt(self) -> float:
        """Return how long it will take to make up for what was spent."""
        with self._lock:
            self._fill()
            rate = self.caller.pixels_per_second
            return 0.0 if rate is None or self._pixels > 0 else (1 - self._pixels) / rate

    def _fill(self) -> None:
        now = self._clock()
        rate = self.caller.pixels_per_second or 0
        self._pixels = min(self._pixels + rate * (now - self._since), float(rate))
        self._since = now
