"""What a run of the kernels' benchmarks measured, read from its JSON."""

from __future__ import annotations

import dataclasses
import json
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


README_IMAGE = "4000x3000-rgb"
"""What the README's table and the chart are about."""


class ResultsError(Exception):
    """The file holds no such results."""


@dataclasses.dataclass(frozen=True)
class Row:
    """imgsvc and a peer at the same work with as many threads, as `benchmarks.kernels.table` records it.

    `quartiles` are those of the ratio of times peer / imgsvc: above 1 imgsvc is ahead. `floor` is the ratio
    to reach, `copies` how many plain copies take as long, `disturbance` how many CPUs others kept busy.
    """

    work: str
    peer: str
    image: str
    threads: int
    seconds: float
    peer_seconds: float
    rounds: int
    quartiles: Sequence[float]
    copies: float | None
    floor: float | None
    counts: bool
    disturbance: float | None
    version: str
    isa: str

    @property
    def ratio(self) -> float:
        """How many times as fast as the peer imgsvc is."""
        return self.quartiles[1]

    @property
    def is_loss(self) -> bool:
        """Whether the peer is faster, by as much as is shown."""
        return round(self.ratio, 2) < 1


@dataclasses.dataclass(frozen=True)
class Results:
    """The rows of a run in their order, and where it ran."""

    rows: Sequence[Row]
    machine: str

    def images(self) -> list[str]:
        """Return the names of the images, in the order of the rows."""
        return list(dict.fromkeys(row.image for row in self.rows))

    def pairs(self, image: str, *, all_rows: bool) -> Iterator[dict[int, Row]]:
        """Yield each work's rows on an image by their number of threads: all, or those that have a floor."""
        works: dict[tuple[str, str], dict[int, Row]] = {}
        for row in self.rows:
            if row.image == image and (all_rows or row.floor is not None):
                works.setdefault((row.work, row.peer), {})[row.threads] = row
        yield from works.values()

    def mean(self, threads: int) -> float | None:
        """Return the geometric mean of the ratios that count."""
        ratios = [row.ratio for row in self.rows if row.counts and row.threads == threads]
        return statistics.geometric_mean(ratios) if ratios else None


def read_results(path: Path) -> Results:
    """Read what ``pytest --benchmark-json`` wrote.

    Raises
    ------
    ResultsError
        The file is none, or has no ratios in it.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        records = [each["extra_info"]["ratio"] for each in run["benchmarks"] if "ratio" in each["extra_info"]]
        rows = [Row(**record) for record in records]
        machine = _machine(run, rows)
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path} is no --benchmark-json of benchmarks/kernels: {error!r}") from error
    if not rows:
        raise ResultsError(f"{path} has no ratios: benchmarks/kernels/test_ratios.py did not run")
    results = Results(rows, machine)
    if not any(results.pairs(README_IMAGE, all_rows=False)):
        raise ResultsError(f"{path} has no ratios with floors at {README_IMAGE}")
    return results


def _machine(run: dict[str, Any], rows: Sequence[Row]) -> str:
    """Return where it ran, and with what, in one line."""
    info, commit = run["machine_info"], run["commit_info"]
    cpu = info["cpu"]
    versions = sorted({f"{row.peer.split()[0]} {row.version}" for row in rows})
    builds = sorted({row.isa for row in rows})
    revision = (
        f"{commit['id'][:10]}{' with changes' if commit.get('dirty') else ''}" if commit.get("id") else "?"
    )
    return ", ".join(
        [
            f"{cpu.get('brand_raw', info['machine'])} ({cpu.get('count', '?')} CPUs)",
            info["system"],
            f"Python {info['python_version']}",
            *versions,
            f"imgsvc {revision} (kernels for {', '.join(builds)})",
            run["datetime"][:10],
        ]
    )
