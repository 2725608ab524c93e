"""Tests and benchmarks apart: `pytest` runs the tests, `pytest --benchmark-only` the benchmarks.

Tests come in two tiers. `pytest` alone says in two minutes whether an installation, or a change, works. With
`--thorough`, which `ci/check` gives, the same statements are tested on every instruction set, with many
examples, and of programs that are started as they are installed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tiers import QUICK

ROOT = Path(__file__).parent
ONE_AT_A_TIME = "server"
"""The tests whose deadlines and limits are not for two of them at a time."""
MOST_PROCESSES = 5
"""Of tests at a time: more would have the servers that they start wait for each other."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the tiers, and what lets a second run do only what the first could not."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="more of everything: of tests every instruction set, many examples, programs as installed; "
        "of benchmarks all",
    )
    parser.addoption(
        "--passed",
        type=Path,
        metavar="FILE",
        help="leave out the tests that FILE lists, and add those to it that pass; with --thorough, do again "
        "what has more to it then",
    )
    parser.addoption(
        "--floors",
        action="store_true",
        help="benchmarks with a figure to reach, which fail where they miss it",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Have pytest-xdist run whole folders of tests on all cores, unless something else is asked for."""
    option = config.option
    if (
        config.pluginmanager.hasplugin("xdist")
        and "PYTEST_XDIST_WORKER" not in os.environ
        and (option.numprocesses, option.dist) == (None, "no")
        and not (_benchmark_only(config) or option.keyword or option.usepdb or option.trace)
        and option.capture != "no"
        and all(Path(arg).is_dir() for arg in config.args)
    ):
        option.numprocesses = min(_cores(), MOST_PROCESSES)
        option.dist = "loadgroup"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have one process run all tests of servers: their deadlines and limits are not for two at a time.

    And one all tests of a language, which compile its client first.
    """
    if item.path.is_relative_to(ROOT / "tests" / "server"):
        item.add_marker(pytest.mark.xdist_group(ONE_AT_A_TIME))
    elif item.path.is_relative_to(ROOT / "tests" / "interop"):
        item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_configure(config: pytest.Config) -> None:
    """Keep the list that `--passed` names; know the mark of pytest-xdist where that is switched off."""
    config.addinivalue_line("markers", "xdist_group(name): tests that one process runs")
    path = config.getoption("passed")
    if path is not None:
        is_worker = hasattr(config, "workerinput")
        config.pluginmanager.register(_Passed(path.absolute(), writes=not is_worker))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect only the one kind: neither waits for the other, or needs what the other imports."""
    left_out = ROOT / ("tests" if _benchmark_only(config) else "benchmarks")
    return True if collection_path.is_relative_to(left_out) else None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell somebody who asks for benchmarks, and would see none, what is missing."""
    return None if _benchmark_only(config) else "benchmarks: left out, --benchmark-only runs them"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _benchmark_only(config: pytest.Config) -> bool:
    return bool(config.getoption("benchmark_only", default=False))


class _Passed:
    """The tests that have passed with all that there is to them, one a line."""

    def __init__(self, path: Path, *, writes: bool) -> None:
        self._path = path
        self._writes = writes
        self._new: list[str] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what is in the list."""
        known = set(self._path.read_text("utf-8").splitlines()) if self._path.exists() else set()
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in known])
        items[:] = [item for item in items if item.nodeid not in known]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what passes."""
        has_more = any(name == QUICK for name, _ in report.user_properties)
        if report.when == "call" and report.passed and not has_more:
            self._new.append(report.nodeid.removesuffix(f"@{ONE_AT_A_TIME}"))  # as pytest-xdist names them

    def pytest_sessionfinish(self) -> None:
        """Write the list, unless it is another process that does."""
        if not self._writes:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{nodeid}\n" for nodeid in self._new)
