"""How many times as fast as a peer the kernels are: what was measured, the figure to reach, the tables."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.ratio_table import ratio_quartiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MEAN_FLOORS = {1: 1.2, 2: 1.5}
"""What the geometric mean of the ratios is to reach, by the number of threads."""


@dataclasses.dataclass(frozen=True)
class KernelRatio:
    """imgsvc and a peer at the same work: their seconds, round by round, and the figure to reach, if any.

    `copy_seconds` are those of NumPy's copy of as many bytes in the same rounds, on one thread, and empty if
    the work reads and writes different numbers of bytes. `disturbance` is how many CPUs others kept busy
    meanwhile, if that is known. `counts` is whether it is a part of the geometric mean.
    """

    work: str
    peer: str
    image: str
    threads: int
    imgsvc_seconds: Sequence[float]
    peer_seconds: Sequence[float]
    copy_seconds: Sequence[float]
    floor: float | None
    counts: bool
    disturbance: float | None

    def quartiles(self) -> list[float]:
        """Return the 25 %, 50 % and 75 % points of the ratio peer / imgsvc over the rounds."""
        return ratio_quartiles(self.imgsvc_seconds, self.peer_seconds)

    def copies(self) -> float | None:
        """Return how many copies take as long."""
        if not self.copy_seconds:
            return None
        rounds = zip(self.imgsvc_seconds, self.copy_seconds, strict=True)
        return statistics.median(own / copy for own, copy in rounds)

    def record(self) -> dict[str, Any]:
        """Return what a report needs of it."""
        return {
            "work": self.work,
            "peer": self.peer,
            "image": self.image,
            "threads": self.threads,
            "seconds": statistics.median(self.imgsvc_seconds),
            "peer_seconds": statistics.median(self.peer_seconds),
            "rounds": len(self.imgsvc_seconds),
            "quartiles": self.quartiles(),
            "copies": self.copies(),
            "floor": self.floor,
            "counts": self.counts,
            "disturbance": self.disturbance,
        }


def tables(ratios: Sequence[KernelRatio]) -> Iterator[str]:
    """Yield the lines of a table for each image, and those of the means."""
    work = max(len(ratio.work) for ratio in ratios)
    peer = max(len(ratio.peer) for ratio in ratios)
    for image, group in itertools.groupby(ratios, lambda ratio: ratio.image):
        yield (
            f"{image:{work}}  threads  {'imgsvc':>10}  {'peer':>10}  {'':{peer}}"
            "    ratio  25–75 %        floor           copies  others' CPUs"
        )
        yield from (_row(ratio, work, peer) for ratio in group)
        yield ""
    yield from mean_lines(ratios)


def _row(ratio: KernelRatio, work: int, peer: int) -> str:
    low, median, high = ratio.quartiles()
    copies = ratio.copies()
    met = "" if ratio.floor is None else "met" if median >= ratio.floor else "NOT MET"
    return (
        f"{ratio.work:{work}}  {ratio.threads:7}  {_milliseconds(ratio.imgsvc_seconds):>10}"
        f"  {_milliseconds(ratio.peer_seconds):>10}  {ratio.peer:{peer}}"
        f"  {median:6.2f}×  {f'{low:.2f} – {high:.2f}':13}"
        f"  {'' if ratio.floor is None else f'{ratio.floor:.2f}×':5}  {met:7}"
        f"  {'' if copies is None else f'{copies:.2f}':>6}"
        f"  {'?' if ratio.disturbance is None else f'{ratio.disturbance:.2f}':>12}"
    )


def mean_lines(ratios: Sequence[KernelRatio]) -> Iterator[str]:
    """Yield the geometric means over what counts."""
    for threads, floor in MEAN_FLOORS.items():
        counted = [ratio.quartiles()[1] for ratio in ratios if ratio.counts and ratio.threads == threads]
        if counted:
            mean = statistics.geometric_mean(counted)
            yield (
                f"geometric mean of {len(counted)} ratios with floors, threads: {threads}: {mean:.2f}×,"
                f" floor {floor:.2f}×, {'met' if mean >= floor else 'NOT MET'}"
            )


def _milliseconds(seconds: Sequence[float]) -> str:
    median = statistics.median(seconds)
    return f"{median * 1e3:.2f} ms" if median >= 0.001 else f"{median * 1e6:.1f} µs"
