"""The tables of ratios at the end of a run. Plain `pytest` loads this file too: it imports no peer."""

from __future__ import annotations

import os

import pytest

from benchmarks.kernels.table import KernelRatio, tables

RATIOS = pytest.StashKey[list[KernelRatio]]()


@pytest.fixture(scope="session")
def ratios(pytestconfig: pytest.Config) -> list[KernelRatio]:
    """What the tables will show: append to it."""
    return pytestconfig.stash[RATIOS]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RATIOS] = []
    if config.getoption("benchmark_only", default=False):
        # As imgsvc-server does, before anything loads OpenMP. Threads that spin run on into the peer's turn,
        # and where other work has a core they keep each other from running: 0.1 ms becomes 10.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.hookimpl(trylast=True)  # below the tables of pytest-benchmark
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ratios = config.stash[RATIOS]
    if not ratios:
        return
    terminalreporter.section("imgsvc: how many times as fast as others")
    for line in tables(ratios):
        terminalreporter.write_line(line)
    terminalreporter.write_line(
        "Medians of rounds in turn; of their ratios also the middle half. Copies: how many times as long as\n"
        "NumPy copies as many bytes, on one thread. Where others keep over 0.1 of the\n"
        f"{os.cpu_count()} CPUs busy, a kernel waits for its thread that runs beside them: measure again."
    )
