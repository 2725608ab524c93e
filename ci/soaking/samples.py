"""What a process holds, by /proc."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Sample", "growth", "sample"]

MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Sample:
    """Resident bytes, open descriptors, threads."""

    resident: int
    descriptors: int
    threads: int

    def __str__(self) -> str:
        """Return it as columns of a table."""
        return f"{self.resident / MIB:8.1f} {self.descriptors:6d} {self.threads:8d}"


HEADER = f"{'MiB':>8} {'files':>6} {'threads':>8}"

# What may be more at the end than after the first rounds. Memory: the allocator's arenas fill up for a while
# after a round of other sizes; a leak of 100 bytes a call shows beside that.
MAY_GROW = Sample(16 * MIB, 4, 2)
"""Beside a tenth of the memory."""


def sample(pid: int) -> Sample:
    """Look at a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    resident = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    threads = re.search(r"^Threads:\s+(\d+)", status, re.MULTILINE)
    assert resident is not None  # noqa: S101 - Linux has both
    assert threads is not None  # noqa: S101 - Linux has both
    descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Sample(1024 * int(resident[1]), descriptors, int(threads[1]))


def growth(samples: Sequence[Sample]) -> list[str]:
    """Return what has grown too much from the first third of the samples to the last, one text each."""
    third = max(1, len(samples) // 3)
    faults = []
    for field in dataclasses.fields(Sample):
        early, late = (
            sorted(getattr(each, field.name) for each in part)[third // 2]
            for part in (samples[:third], samples[-third:])
        )
        limit = early + getattr(MAY_GROW, field.name) + (early // 10 if field.name == "resident" else 0)
        if late > limit:
            faults.append(f"{field.name} grew from {early} to {late}, expected at most {limit}")
    return faults
