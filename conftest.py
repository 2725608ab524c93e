"""Tests and benchmarks apart: `pytest` runs the tests, `pytest --benchmark-only` the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare how much is run, and what lets a second run do only what the first could not."""
    parser.addoption(
        "--passed",
        type=Path,
        metavar="FILE",
        help="leave out the tests that FILE lists, and add those to it that pass",
    )
    parser.addoption("--thorough", action="store_true", help="more of everything: all benchmarks")
    parser.addoption(
        "--floors",
        action="store_true",
        help="benchmarks with a figure to reach, which fail where they miss it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the list that `--passed` names."""
    path = config.getoption("passed")
    if path is not None:
        config.pluginmanager.register(_Passed(path.absolute()))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect only the one kind: neither waits for the other, or needs what the other imports."""
    left_out = ROOT / ("tests" if _benchmark_only(config) else "benchmarks")
    return True if collection_path.is_relative_to(left_out) else None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell somebody who asks for benchmarks, and would see none, what is missing."""
    return None if _benchmark_only(config) else "benchmarks: left out, --benchmark-only runs them"


def _benchmark_only(config: pytest.Config) -> bool:
    return bool(config.getoption("benchmark_only", default=False))


class _Passed:
    """The tests that have passed, one a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new: list[str] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what is in the list."""
        known = set(self._path.read_text("utf-8").splitlines()) if self._path.exists() else set()
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in known])
        items[:] = [item for item in items if item.nodeid not in known]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what passes."""
        if report.when == "call" and report.passed:
            self._new.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the list."""
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{nodeid}\n" for nodeid in self._new)
