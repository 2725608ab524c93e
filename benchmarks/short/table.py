"""The table of all that the short tier has timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.short.contest import Entry

SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def table(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield a line for each piece of work: the first one's time, and how many times as long others take."""
    groups: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        groups.setdefault(entry.family, {}).setdefault(entry.work, []).append(entry)
    width = max(len(entry.work) for entry in entries)
    for family, works in groups.items():
        yield family
        for work, (first, *others) in works.items():
            ratios = "".join(f"{f'{other.who} {other.seconds / first.seconds:.2f}×':22}" for other in others)
            yield f"  {work:{width}}  {first.who:10} {shown(first.seconds):>8}  {ratios}".rstrip()


def shown(seconds: float) -> str:
    """Return a time with three digits, such as 1.23 ms."""
    scale, unit = next((each for each in SCALES if seconds >= each[0]), SCALES[-1])
    return f"{f'{seconds / scale:#.3g}'.rstrip('.')} {unit}"
