"""The core budget against fixed numbers of threads: nobody should have to choose one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.service.contenders import Contender, Server
from benchmarks.service.floors import SWEEP_FLOOR, is_met
from benchmarks.service.images import SHAPES
from benchmarks.service.others import Others
from benchmarks.service.rounds import Standing, in_turn
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.floor import Judge
    from benchmarks.service.fleet import Burst, Fleet
    from benchmarks.service.report import Report

ROUNDS = 7
WARM_UP, SECONDS = 0.05, 0.25
MAX_THREADS = 8


@pytest.fixture(scope="module")
def fixed() -> list[Contender]:
    """A server for each number of threads in the sweep: 1, 2, 4, … up to the cores."""
    cores = os.cpu_count() or 1
    sweep = [threads for threads in (1, 2, 4, MAX_THREADS) if threads <= cores]
    module = (sys.executable, "-m", "benchmarks.service.fixed_cores_server")
    servers = [Server(f"fixed-{threads}", (*module, str(threads))) for threads in sweep]
    return [Contender(server.name, server, "imgsvc") for server in servers]


@served
@pytest.mark.parametrize(
    ("image", "clients"),
    [("640x480", 1), ("4000x3000", 1), ("640x480", 4), ("4000x3000", 4), ("640x480", 64)],
)
def test_core_budget(
    benchmark: Any,
    *,
    contenders: Sequence[Contender],
    fixed: Sequence[Contender],
    fleet: Fleet,
    report: Report,
    judge: Judge,
    image: str,
    clients: int,
) -> None:
    everyone = [contenders[0], *fixed]
    bursts: dict[str, list[Burst]] = {contender.name: [] for contender in everyone}

    def one_round() -> None:
        for contender in in_turn(everyone, len(bursts["imgsvc"])):
            burst = fleet.burst(
                contender, SHAPES[image], clients=clients, warm_up=WARM_UP, seconds=SECONDS, at_least=2
            )
            bursts[contender.name].append(burst)
        CLOCK.advance(bursts["imgsvc"][-1].seconds_per_call)

    others = Others(fleet.cpu_seconds)
    benchmark.pedantic(one_round, rounds=ROUNDS)
    standing = Standing(image, clients, bursts, others.cpus())
    report.sweep.append(standing)
    ratios = {contender.name: standing.ratio("imgsvc", contender.name) for contender in fixed}
    benchmark.extra_info.update(others_cpus=standing.others_cpus, ratios=ratios)
    for name, quartiles in ratios.items():
        judge(f"{quartiles} of {name}, floor {SWEEP_FLOOR}", met=is_met(quartiles, SWEEP_FLOOR))
