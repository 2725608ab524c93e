"""An idle server: its threads, how long its start takes, and its memory, beside a bare server of gRPC's."""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.service.floors import IDLE_MEMORY, IDLE_THREADS, START_SECONDS
from benchmarks.service.imported import imported
from benchmarks.service.memory import MB
from benchmarks.service.process import Process
from benchmarks.service.rounds import in_turn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Contender
    from benchmarks.service.report import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads and memory are read from /proc")

ROUNDS = 7
LIMIT_SECONDS = 30.0

QUIET_SECONDS = 0.5
"""Until threads that only start are gone, and those that come late are there."""


class Starts:
    """How often a server was started, and what it was then.

    Parameters
    ----------
    command
        What starts it.
    log
        The file for its stderr.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command, self._log = command, log
        self.seconds: list[float] = []
        self.bytes: list[int] = []
        self.threads: list[int] = []

    def start(self) -> None:
        """Start it once more, and end it."""
        begin = time.perf_counter()
        with Process(self._command, {}, self._log) as process:
            process.read_line(LIMIT_SECONDS)
            self.seconds.append(time.perf_counter() - begin)
            time.sleep(QUIET_SECONDS)
            self.bytes.append(process.resident())
            self.threads.append(process.threads())

    def row(self, name: str) -> str:
        """Return its line of the table."""
        return (
            f"{name:8}{statistics.median(self.threads):8.0f}{statistics.median(self.seconds):19.2f}"
            f"{statistics.median(self.bytes) / MB:11.0f}"
        )


def test_idle(
    benchmark: Any, *, contenders: Sequence[Contender], report: Report, judge: Judge, tmp_path: Path
) -> None:
    command, modules = contenders[0].server.command, tmp_path / "modules"
    names = imported(command, LIMIT_SECONDS, tmp_path / "imports.log")
    assert "grpc" in names  # it did say what it imports
    modules.write_text("\n".join(names), "utf-8")
    own = Starts(command, tmp_path / "imgsvc.log")
    module = (sys.executable, "-m", "benchmarks.service.bare_server", str(modules))
    bare = Starts(module, tmp_path / "bare.log")

    def one_round() -> None:
        for each in in_turn([own, bare], len(own.seconds)):
            each.start()

    benchmark.pedantic(one_round, rounds=ROUNDS)
    seconds = [a - b for a, b in zip(own.seconds, bare.seconds, strict=True)]
    memory = [a - b for a, b in zip(own.bytes, bare.bytes, strict=True)]
    goals = [
        (f"threads: {max(own.threads)}, at most {IDLE_THREADS}", max(own.threads) <= IDLE_THREADS),
        (
            f"ready {statistics.median(seconds):.2f} s after bare gRPC, at most {START_SECONDS:.2f}",
            statistics.quantiles(seconds, method="inclusive")[0] <= START_SECONDS,
        ),
        (
            f"{statistics.median(memory) / MB:.0f} MB more than bare gRPC, at most {IDLE_MEMORY / MB:.0f}",
            statistics.median(memory) <= IDLE_MEMORY,
        ),
    ]
    report.idle += [
        f"{'':8}{'threads':>8}{'start to ready, s':>19}{'MB':>11}",
        own.row("imgsvc"),
        bare.row("bare"),
        f"bare: a server of gRPC's without a service, which imports the same {len(names)} modules",
        *(f"{what}: {'met' if met else 'MISSED'}" for what, met in goals),
    ]
    benchmark.extra_info.update(seconds=seconds, bytes=memory, threads=own.threads)
    for what, met in goals:
        judge(what, met=met)
