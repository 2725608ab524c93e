"""What two sides' times say: slower, or noise."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Medians = Mapping[str, float]
    Round = tuple[Medians, Medians]
    """The seconds of each benchmark of the old side and of the new, measured one after the other."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One benchmark on both sides."""

    name: str
    old_seconds: Sequence[float]
    new_seconds: Sequence[float]
    ratios: Sequence[float]
    ratios_again: Sequence[float]
    threshold: float

    @classmethod
    def of(
        cls, name: str, rounds: Sequence[Round], ratios_again: Sequence[float], threshold: float
    ) -> Comparison:
        """Pick a benchmark out of the rounds. `ratios_again` are those of the second look, if it had one."""
        return cls(
            name=name,
            old_seconds=[old[name] for old, _ in rounds if name in old],
            new_seconds=[new[name] for _, new in rounds if name in new],
            ratios=paired_ratios(rounds).get(name, ()),
            ratios_again=ratios_again,
            threshold=threshold,
        )

    @property
    def is_regression(self) -> bool:
        """Whether the new side was slower twice."""
        return is_suspect(self.ratios, self.threshold) and is_suspect(self.ratios_again, self.threshold)

    @property
    def verdict(self) -> str:
        """What to say of it."""
        if not self.ratios:
            return "new" if self.new_seconds else "gone"
        if is_suspect(self.ratios, self.threshold):
            return f"{'REGRESSION' if self.is_regression else 'noise'}, again {_spread(self.ratios_again)}"
        is_faster = statistics.median(self.ratios) < 1 / self.threshold and max(self.ratios) < 1
        return "faster" if is_faster else "same"


def paired_ratios(rounds: Sequence[Round]) -> dict[str, list[float]]:
    """Return new / old, round by round, of each benchmark that both sides have."""
    ratios: dict[str, list[float]] = {}
    for old, new in rounds:
        for name in new:
            if name in old:
                ratios.setdefault(name, []).append(new[name] / old[name])
    return ratios


def is_suspect(ratios: Sequence[float], threshold: float) -> bool:
    """Whether the ratios look like a regression: noise rarely slows the same side down in every round."""
    return bool(ratios) and statistics.median(ratios) > threshold and min(ratios) > 1


def table(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yield the lines of a table."""
    names = [comparison.name.rpartition("::")[2] for comparison in comparisons]
    width = max(map(len, names))
    yield f"{'benchmark':{width}}  {'old':>10}  {'new':>10}  {'new / old':20}  verdict"
    for name, comparison in zip(names, comparisons, strict=True):
        yield (
            f"{name:{width}}"
            f"  {_milliseconds(comparison.old_seconds)}  {_milliseconds(comparison.new_seconds)}"
            f"  {_spread(comparison.ratios):20}  {comparison.verdict}"
        )


def _milliseconds(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:7.3f} ms" if seconds else f"{'-':>10}"


def _spread(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})" if ratios else "-"
