"""The table of bulk jobs at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchmarks.ratio_table import Ratio

REPORT = pytest.StashKey[list["Ratio"]]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> list[Ratio]:
    """What the table will show: append to it."""
    return pytestconfig.stash[REPORT]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = []


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ratios = config.stash[REPORT]
    if not ratios:
        return
    terminalreporter.section("imgsvc: bulk jobs")
    for each in ratios:
        low, middle, high = each.quartiles()
        own, peer = (
            [f"{seconds:.1f}" for seconds in times] for times in (each.imgsvc_seconds, each.peer_seconds)
        )
        terminalreporter.write_line(each.work)
        terminalreporter.write_line(f"  in Ray {', '.join(own)} s; {each.peer} {', '.join(peer)} s")
        terminalreporter.write_line(
            f"  {each.peer} / Ray {middle:.2f} ({low:.2f} to {high:.2f}), to reach {each.floor:.2f}"
        )
