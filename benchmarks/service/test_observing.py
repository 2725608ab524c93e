"""What it costs the server to tell of its calls: CPU time of a small call, servers taking turns."""

from __future__ import annotations

import contextlib
import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import imgsvc
from benchmarks.service.process import Process, program

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.service.report import Report

ROUNDS, CALLS, WARM_UP = 15, 1000, 200
START_SECONDS = 30.0
SIDE = 64

TRACED = ["--otlp-endpoint", "localhost:1", "--otlp-insecure"]  # by nobody: spans are made, and lost
SERVERS = {
    "no access log": ["--no-access-log"],
    "access log in a file": [],
    "that, and metrics": ["--metrics-port", "0"],
    "that, metrics, and all calls traced": ["--metrics-port", "0", *TRACED],
}


def test_observing(benchmark: Any, report: Report, tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
    pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc", reason="OpenTelemetry is not installed")
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    microseconds: dict[str, list[float]] = {name: [] for name in SERVERS}
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, options in SERVERS.items():
            command = [program("imgsvc-server"), "--port", "0", *options]
            process = stack.enter_context(Process(command, {}, tmp_path / f"{name}.log"))
            target = process.read_line(START_SECONDS).split(" serving on ")[1].split(",")[0].strip()
            servers[name] = process, stack.enter_context(imgsvc.Client(target))

        def one_round() -> None:
            for name, (process, client) in servers.items():
                before = process.cpu_seconds()
                for _ in range(CALLS):
                    client.mean_filter(image)
                microseconds[name].append(1e6 * (process.cpu_seconds() - before) / CALLS)

        for _, client in servers.values():
            for _ in range(WARM_UP):
                client.mean_filter(image)
        benchmark.pedantic(one_round, rounds=ROUNDS)
    first = microseconds["no access log"]
    for name, each in microseconds.items():
        ratio = statistics.median(a / b for a, b in zip(each, first, strict=True))
        cost = statistics.median(each)
        report.observing.append(f"{name:36} {cost:4.0f} µs, {ratio:.2f} times as much as without")
