"""How long it takes to fetch: measured at the start, and kept up to date by what is fetched."""

from __future__ import annotations

__all__ = ["FetchRate"]

SMALL = 1 << 15
"""Up to here a fetch tells of the way there and back, and beyond of the bytes."""

WEIGHT = 0.1
"""Of the newest fetch: one that met a busy moment moves little, ten move most of the way."""


class FetchRate:
    """A fixed part, and one for each byte; until something is measured, those of a Redis nearby."""

    def __init__(self, latency: float = 5e-4, a_byte: float = 2e-9) -> None:
        self.latency = latency
        self.a_byte = a_byte

    def seconds(self, num_bytes: int) -> float:
        """Return what so many bytes take."""
        return self.latency + num_bytes * self.a_byte

    def observe(self, num_bytes: int, seconds: float) -> None:
        """Note what a fetch has taken. Of two threads that do so at a time one may go unnoticed."""
        if num_bytes <= SMALL:
            self.latency += WEIGHT * (seconds - self.latency)
        else:
            a_byte = max(seconds - self.latency, 0.0) / num_bytes
            self.a_byte += WEIGHT * (a_byte - self.a_byte)
