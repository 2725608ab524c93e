"""What the short tier's benchmarks share, and its table at the end of a run."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.short.contest import SITTINGS, Contest, Contests
from benchmarks.short.table import table

CONTESTS = pytest.StashKey[Contests]()
HERE = Path(__file__).parent


@pytest.fixture
def contest(benchmark: Any, pytestconfig: pytest.Config) -> Contest:
    """What times a test. What the work needs must stay for the session: later sittings need it too."""
    return Contest(benchmark, pytestconfig.stash[CONTESTS])


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CONTESTS] = Contests()


@pytest.hookimpl(tryfirst=True)  # servers still serve
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Play the later sittings after the last test."""
    is_over = item.session.shouldstop or item.session.shouldfail
    if is_over or (nextitem is not None and nextitem.path.is_relative_to(HERE)):
        return
    for number in range(2, SITTINGS + 1):
        _say(item.config, f"\nsitting {number} of {SITTINGS}")  # or half of the run would look as if it hung
        item.config.stash[CONTESTS].sit_again()


def _say(config: pytest.Config, text: str) -> None:
    """Write to the terminal, beside what is captured of tests."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is not None:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.write(text, flush=True)


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if entries := config.stash[CONTESTS].entries:
        terminalreporter.section("times, and how many times as long the others take")
        for line in table(entries):
            terminalreporter.write_line(line)
        terminalreporter.write_line("Of fastest rounds. The other folders' tables are of rounds in turn.")
