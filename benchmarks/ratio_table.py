"""How many times as fast as a peer: what was measured, the figure to reach, and both as a table."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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


def table(ratios: Sequence[Ratio]) -> Iterator[str]:
    """Yield the lines of the table."""
    work, peer = max(len(ratio.work) for ratio in ratios), f"{ratios[0].peer:>12}"
    yield f"{'':{work}}  {'imgsvc':>9}  {peer}   ratio  25–75 %        floor           others' CPUs"
    for ratio in ratios:
        low, median, high = ratio.quartiles()
        yield (
            f"{ratio.work:{work}}  {_milliseconds(ratio.imgsvc_seconds):>9}"
            f"  {_milliseconds(ratio.peer_seconds):>{len(peer)}}"
            f"  {median:5.2f}×  {f'{low:.2f} – {high:.2f}':12}"
            f"  {ratio.floor:5.2f}×  {'met' if median >= ratio.floor else 'NOT MET':7}"
            f"  {'?' if ratio.disturbance is None else f'{ratio.disturbance:.2f}'}"
        )


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.2f} ms"
