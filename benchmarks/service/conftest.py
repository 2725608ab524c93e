"""What the service's benchmarks share, and their tables at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.service.contenders import available
from benchmarks.service.report import Report

if TYPE_CHECKING:
    from benchmarks.service.contenders import Contender

REPORT = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """What the tables will show: add to it."""
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def contenders(
    pytestconfig: pytest.Config, report: Report, tmp_path_factory: pytest.TempPathFactory
) -> list[Contender]:
    """Those that this machine can run; imgsvc is the first."""
    cache = pytestconfig.cache
    folder = cache.mkdir("imgsvc-cpp-server") if cache else tmp_path_factory.mktemp("cpp-server")
    found, notes = available(folder)
    report.notes += notes
    return found


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for title, lines in config.stash[REPORT].sections():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)
