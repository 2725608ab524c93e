"""What the benchmarks of several servers share, and their table at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.scale.course import Course
from benchmarks.scale.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """What the table will show: add to it."""
    return pytestconfig.stash[REPORT]


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory, report: Report) -> Iterator[Course]:
    """Servers, Envoy and load generators."""
    made = Course(tmp_path_factory.mktemp("scale"))
    report.pinned = list(made.cores.lines)
    yield made
    made.close()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report()


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    report = config.stash[REPORT]
    if report.standings or report.checks:
        terminalreporter.section("imgsvc: servers of one core each, called directly and through Envoy")
        for line in report.lines():
            terminalreporter.write_line(line)
