"""How many times as fast as a peer: what was measured, and the figure to reach."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Ratio:
    """imgsvc and a peer on the same work: their seconds, round by round, and the figure to reach.

    `disturbance` is how many CPUs others kept busy meanwhile, if that is known.
    """

    work: str
    peer: str
    imgsvc_seconds: Sequence[float]
    peer_seconds: Sequence[float]
    floor: float
    disturbance: float | None

    def quartiles(self) -> list[float]:
        """Return the 25 %, 50 % and 75 % points of the ratio peer / imgsvc over the rounds."""
        return ratio_quartiles(self.imgsvc_seconds, self.peer_seconds)


def ratio_quartiles(own_seconds: Sequence[float], peer_seconds: Sequence[float]) -> list[float]:
    """Return the 25 %, 50 % and 75 % points of the ratio peer / own over the rounds.

    A round's two times are neighbours: whatever slows the machine for longer than that cancels out.
    """
    rounds = zip(own_seconds, peer_seconds, strict=True)
    return statistics.quantiles([peer / own for own, peer in rounds], method="inclusive")
