"""What the thumbnails' benchmark shares, and its tables at the end of a run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from benchmarks.service.report import floor_table, throughput_table
from benchmarks.thumbnails.contenders import servers as available

if TYPE_CHECKING:
    from benchmarks.service.contenders import Server
    from benchmarks.service.rounds import Standing


@dataclasses.dataclass
class Report:
    """What a run has measured."""

    standings: list[Standing] = dataclasses.field(default_factory=list)
    cpu: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)


REPORT = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """What the tables will show: add to it."""
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def servers(
    pytestconfig: pytest.Config, report: Report, tmp_path_factory: pytest.TempPathFactory
) -> list[Server]:
    """Those that this machine can run; imgsvc is the first."""
    cache = pytestconfig.cache
    found, notes = available(cache.mkdir("imgsvc-sharp") if cache else tmp_path_factory.mktemp("sharp"))
    report.notes += notes
    return found


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash[REPORT]
    if report.standings:
        terminalreporter.section("thumbnails, 512 columns, quality 80")
        for line in (*throughput_table(report.standings), *floor_table(report.standings), *report.cpu):
            terminalreporter.write_line(line)
    for note in report.notes:
        terminalreporter.write_line(note)
