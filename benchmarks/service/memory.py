"""What a server's memory was at several times, and how much of it imgsvc's may be."""

from __future__ import annotations

import dataclasses

MB = 1e6

PEAK_PER_BYTE_IN_FLIGHT, PEAK_BESIDE = 3.5, 120 * MB
AFTER_QUIET = 50 * MB
GROWTH = 20 * MB


@dataclasses.dataclass(frozen=True)
class Memory:
    """Resident bytes of a server: when it serves, at most during a burst, and after a quiet spell."""

    server: str
    start: int
    peak: int
    quiet: int
    in_flight: int
    """Bytes of pixels, of requests and answers, that the burst's clients had under way at a time."""

    @property
    def peak_goal(self) -> float:
        """What the peak may be."""
        return PEAK_PER_BYTE_IN_FLIGHT * self.in_flight + PEAK_BESIDE

    @property
    def quiet_goal(self) -> float:
        """What may be left after the quiet spell."""
        return self.start + AFTER_QUIET


@dataclasses.dataclass(frozen=True)
class Growth:
    """Resident bytes of imgsvc's server at rest, after some calls of mixed sizes and after many."""

    few_calls: int
    many_calls: int
    few: int
    many: int

    @property
    def goal(self) -> float:
        """What may be left after many."""
        return self.few + GROWTH
