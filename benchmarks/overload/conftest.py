"""The tables at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.overload.report import NOTE, table

if TYPE_CHECKING:
    from benchmarks.overload.level import Level

LEVELS = pytest.StashKey[dict[str, "list[Level]"]]()
FLOOD = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def levels(pytestconfig: pytest.Config) -> dict[str, list[Level]]:
    """What the tables will show, by mix: add to it."""
    return pytestconfig.stash[LEVELS]


@pytest.fixture(scope="session")
def lines(pytestconfig: pytest.Config) -> list[str]:
    """What is shown below them: add to it."""
    return pytestconfig.stash[FLOOD]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEVELS] = {}
    config.stash[FLOOD] = []


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.stash[LEVELS] and not config.stash[FLOOD]:
        return
    terminalreporter.section("imgsvc: what becomes of calls beyond the capacity")
    for levels in config.stash[LEVELS].values():
        for line in table(levels):
            terminalreporter.write_line(line)
    for line in config.stash[FLOOD]:
        terminalreporter.write_line(line)
    terminalreporter.write_line(NOTE)
