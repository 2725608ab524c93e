"""The CPU time that servers spend on small calls, taking turns."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import imgsvc
    from benchmarks.service.process import Process

__all__ = ["compare", "lines"]

ROUNDS, CALLS, WARM_UP = 15, 1000, 200
SIDE = 64


def compare(benchmark: Any, servers: Mapping[str, tuple[Process, imgsvc.Client]]) -> dict[str, list[float]]:
    """Return the microseconds of a call of each server, in each round."""
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    microseconds: dict[str, list[float]] = {name: [] for name in servers}

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
    return microseconds


def lines(microseconds: Mapping[str, list[float]]) -> Iterator[str]:
    """Yield a line for each server, beside the first."""
    first = next(iter(microseconds.values()))
    for name, each in microseconds.items():
        ratio = statistics.median(a / b for a, b in zip(each, first, strict=True))
        yield f"{name:36} {statistics.median(each):4.0f} µs, {ratio:.2f} times as much as the first"
