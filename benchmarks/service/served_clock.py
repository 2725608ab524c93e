"""How pytest-benchmark comes to show calls per second."""

from __future__ import annotations

import pytest


class ServedClock:
    """A timer that stands still, but for the seconds that a call of imgsvc's took of each burst.

    So a round may hold other contenders' bursts, of any length, and OPS are what imgsvc served a second.
    """

    __name__ = "ServedClock"

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let some time pass."""
        self._now += seconds


CLOCK = ServedClock()

served = pytest.mark.benchmark(group="service: OPS are what imgsvc served a second", timer=CLOCK)
