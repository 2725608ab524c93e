"""The tables of the result cache at the end of a run."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclasses.dataclass(frozen=True)
class Looked:
    """Calls without a cache, calls that were not found in one, and calls that were: seconds, round by round.

    `looked_for` is whether the cache's rule would have had them looked for.
    """

    work: str
    store: str
    off: Sequence[float]
    misses: Sequence[float]
    hits: Sequence[float]
    looked_for: bool
    others_cpus: float | None

    @property
    def gain(self) -> float:
        """How many times as fast as without a cache calls are of which every second one is a hit."""
        halves = [(miss + hit) / 2 for miss, hit in zip(self.misses, self.hits, strict=True)]
        return statistics.median(off / half for off, half in zip(self.off, halves, strict=True))


@dataclasses.dataclass(frozen=True)
class Hashed:
    """How many bytes a second a hash gets through, of a large image and of a small one."""

    name: str
    large: float
    small: float


LOOKED = pytest.StashKey[list[Looked]]()
HASHED = pytest.StashKey[list[Hashed]]()


@pytest.fixture(scope="session")
def looked(pytestconfig: pytest.Config) -> list[Looked]:
    """What the first table will show: append to it."""
    return pytestconfig.stash[LOOKED]


@pytest.fixture(scope="session")
def hashed(pytestconfig: pytest.Config) -> list[Hashed]:
    """What the second table will show: append to it."""
    return pytestconfig.stash[HASHED]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LOOKED] = []
    config.stash[HASHED] = []


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    looked, hashed = config.stash[LOOKED], config.stash[HASHED]
    if looked:
        terminalreporter.section("the result cache: a call's time without it, not found, and found")
        for line in _looked_table(looked):
            terminalreporter.write_line(line)
    if hashed:
        terminalreporter.section("hashes")
        for row in hashed:
            terminalreporter.write_line(
                f"{row.name:10}{row.large / 1e9:7.2f} GB/s of 8 MiB{row.small / 1e9:7.2f} GB/s of 12 KiB"
            )


def _looked_table(rows: Sequence[Looked]) -> Iterator[str]:
    yield f"{'':48}{'store':>8}{'off':>12}{'miss':>12}{'hit':>12}{'gain':>7}  looked for"
    for row in rows:
        times = "".join(
            f"{1e3 * statistics.median(times):9.2f} ms" for times in (row.off, row.misses, row.hits)
        )
        verdict = "yes" if row.looked_for else "no"
        wrong = "  WRONG" if row.looked_for != (row.gain > 1) else ""
        yield f"{row.work[:47]:48}{row.store:>8}{times}{row.gain:7.2f}  {verdict}{wrong}"
    right = sum(row.looked_for == (row.gain > 1) for row in rows)
    busiest = max((row.others_cpus or 0.0 for row in rows), default=0.0)
    yield "Medians of rounds in turn. Gain: how many times as fast as without, if every second call is found."
    yield f"The rule is right in {right} of {len(rows)}; others kept at most {busiest:.2f} CPUs busy."
