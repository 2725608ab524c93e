"""What it costs the server to tell of its calls: CPU time of a small call, servers taking turns."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import imgsvc
from benchmarks.needs import TELEMETRY
from benchmarks.service.process import Process, program
from benchmarks.service.small_calls import compare, lines

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.service.report import Report

START_SECONDS = 30.0

TRACED = ["--otlp-endpoint", "localhost:1", "--otlp-insecure"]  # by nobody: spans are made, and lost
SERVERS = {
    "no access log": ["--no-access-log"],
    "access log in a file": [],
    "that, and metrics": ["--metrics-port", "0"],
    "that, metrics, and all calls traced": ["--metrics-port", "0", *TRACED],
}


@TELEMETRY.mark
def test_observing(benchmark: Any, report: Report, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, options in SERVERS.items():
            command = [program("imgsvc-server"), "--port", "0", *options]
            process = stack.enter_context(Process(command, {}, tmp_path / f"{name}.log"))
            target = process.read_line(START_SECONDS).split(" serving on ")[1].split(",")[0].strip()
            servers[name] = process, stack.enter_context(imgsvc.Client(target))
        report.observing += lines(compare(benchmark, servers))
