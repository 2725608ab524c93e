"""The table of predictions at the end of a run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTOR = 1.5


@dataclasses.dataclass(frozen=True)
class Predicted:
    """Milliseconds that were predicted and measured; `others_cpus` is what others kept busy meanwhile."""

    work: str
    predicted: float
    measured: float
    others_cpus: float | None

    @property
    def factor(self) -> float:
        """How many times too long the prediction is."""
        return self.predicted / self.measured

    @property
    def is_met(self) -> bool:
        """Whether it is within the floor."""
        return 1 / FACTOR <= self.factor <= FACTOR


PREDICTED = pytest.StashKey[list[Predicted]]()


@pytest.fixture(scope="session")
def predicted(pytestconfig: pytest.Config) -> list[Predicted]:
    """What the table will show: append to it."""
    return pytestconfig.stash[PREDICTED]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PREDICTED] = []


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[PREDICTED]
    if rows:
        terminalreporter.section("what Plan predicts, and what it takes")
        for line in table(rows):
            terminalreporter.write_line(line)


def table(rows: list[Predicted]) -> Iterator[str]:
    """Yield a line for each prediction, and how many are as near as they should be."""
    yield f"{'':70}{'predicted':>12}{'measured':>12}{'factor':>9}"
    for row in rows:
        times = f"{row.predicted:9.2f} ms{row.measured:9.2f} ms{row.factor:9.2f}"
        yield f"{row.work[:69]:70}{times}{'' if row.is_met else '  MISSED'}"
    met = sum(row.is_met for row in rows)
    busiest = max((row.others_cpus or 0.0 for row in rows), default=0.0)
    yield f"{met} of {len(rows)} within a factor of {FACTOR}; others kept at most {busiest:.2f} CPUs busy"
