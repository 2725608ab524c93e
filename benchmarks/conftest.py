"""What benchmarks share, and which of them run. Plain `pytest` loads this file too: it imports no peer."""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from benchmarks import needs, tiers
from benchmarks.floor import Judge, is_judged
from benchmarks.kernels.table import KernelRatio, tables
from benchmarks.needs import Need
from benchmarks.service.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATIOS = pytest.StashKey[list[KernelRatio]]()
LEFT_OUT = pytest.StashKey[Counter[Need]]()


@pytest.fixture(scope="session", autouse=True)
def end_in_order() -> Iterator[None]:
    """Let who ends a benchmark end its processes with it."""
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM"))
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Servers and load generators."""
    with Fleet() as running:
        yield running


@pytest.fixture(scope="session")
def ratios(pytestconfig: pytest.Config) -> list[KernelRatio]:
    """What the tables of kernels will show: append to it."""
    return pytestconfig.stash[RATIOS]


@pytest.fixture(scope="session")
def judge(pytestconfig: pytest.Config) -> Judge:
    """Whoever has a floor asks it."""
    return Judge(strict=pytestconfig.getoption("floors"))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RATIOS] = []
    config.stash[LEFT_OUT] = Counter()
    config.addinivalue_line("markers", f"{needs.MARK}(need): what a benchmark is left out without")
    if config.getoption("benchmark_only", default=False):
        # As imgsvc-server does, before anything loads OpenMP. Threads that spin run on into the peer's turn,
        # and where other work has a core they keep each other from running: 0.1 ms becomes 10.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where the rest is."""
    if config.getoption("benchmark_only", default=False) and tiers.is_short(config):
        return "benchmarks: the short tier; --thorough, --floors or a folder by name runs more"
    return None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect what is short, and what is asked for."""
    if not collection_path.is_relative_to(tiers.BENCHMARKS):
        return None
    return None if tiers.is_collected(collection_path, config) else True


@pytest.hookimpl(trylast=True)  # what -k leaves out is nobody's loss
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would find somebody missing, and, where floors alone are asked for, what has none."""
    only_judged = config.getoption("floors") and not config.getoption("thorough")
    kept, left_out = [], []
    for item in items:
        if not item.path.is_relative_to(tiers.BENCHMARKS):
            kept.append(item)
        elif only_judged and not is_judged(item):
            left_out.append(item)
        elif need := needs.unmet(item):
            config.stash[LEFT_OUT][need] += 1
            left_out.append(item)
        else:
            kept.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if ratios := config.stash[RATIOS]:
        terminalreporter.section("imgsvc: how many times as fast as others")
        for line in tables(ratios):
            terminalreporter.write_line(line)
        terminalreporter.write_line(
            "Medians of rounds in turn; of their ratios also the middle half. Copies: how many times as\n"
            "long as NumPy copies as many bytes, on one thread. Where others keep over 0.1 of the\n"
            f"{os.cpu_count()} CPUs busy, a kernel waits for its thread that runs beside them: measure again."
        )
    if left_out := config.stash[LEFT_OUT]:
        terminalreporter.section("left out")
        for need, count in left_out.items():
            work = "1 benchmark" if count == 1 else f"{count} benchmarks"
            terminalreporter.write_line(f"without {need.name}: {work}; {need.how}")
