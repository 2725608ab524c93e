"""When cores became free after the end of a call."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Stopping:
    """The seconds from a call's end to its cores being free, of several calls.

    `goal` is a percentage of the calls, and the seconds within which their cores must be free.
    """

    end: str
    image: str
    beside: str
    seconds: Sequence[float]
    goal: tuple[int, float]

    def percentile(self, percent: float) -> float:
        """Return the seconds within which so many percent were free."""
        return float(np.percentile(self.seconds, percent, method="inverted_cdf"))

    @property
    def is_met(self) -> bool:
        """Whether the goal was reached."""
        percent, seconds = self.goal
        return self.percentile(percent) <= seconds

    @property
    def verdict(self) -> str:
        """What became of the goal."""
        percent, seconds = self.goal
        return f"{percent} % in {seconds * 1e3:.0f} ms: {'met' if self.is_met else 'MISSED'}"
