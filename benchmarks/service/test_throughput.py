"""How many calls a second, by whom, with how many clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.service.contenders import from_arrays, lean
from benchmarks.service.floors import CLIENTS, FROM_ARRAYS, LEAN, is_met
from benchmarks.service.images import SHAPES
from benchmarks.service.others import Others
from benchmarks.service.rounds import Standing, in_turn
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Contender
    from benchmarks.service.fleet import Burst, Fleet
    from benchmarks.service.floors import Floor
    from benchmarks.service.report import Report

    # Of what is used here pytest-benchmark leaves half untyped.
    Benchmark = Any

ROUNDS = {"64x64": 7, "640x480": 7, "1080x797": 7, "4000x3000": 5}
"""So many that all of it takes some eight minutes on two cores; most of that are the largest images."""

WARM_UP, SECONDS = 0.05, 0.15
"""Of each burst. Warming up takes a call of each client at least: memory that was given back comes again."""

AT_LEAST = {1: 3, 4: 2, 16: 1}
"""Timed calls of each client, by their number."""


@served
@pytest.mark.parametrize("clients", CLIENTS)
@pytest.mark.parametrize("image", SHAPES)
def test_lean(
    benchmark: Benchmark,
    *,
    contenders: Sequence[Contender],
    fleet: Fleet,
    report: Report,
    judge: Judge,
    image: str,
    clients: int,
) -> None:
    standing = measure(benchmark, fleet, lean(contenders), image=image, clients=clients, floors=LEAN)
    report.lean.append(standing)
    judge_all(standing, judge)


@served
@pytest.mark.parametrize("clients", CLIENTS)
@pytest.mark.parametrize("image", SHAPES)
def test_from_arrays(
    benchmark: Benchmark,
    *,
    contenders: Sequence[Contender],
    fleet: Fleet,
    report: Report,
    judge: Judge,
    image: str,
    clients: int,
) -> None:
    standing = measure(
        benchmark, fleet, from_arrays(contenders), image=image, clients=clients, floors=FROM_ARRAYS
    )
    report.from_arrays.append(standing)
    judge_all(standing, judge)


def measure(
    benchmark: Benchmark,
    fleet: Fleet,
    contenders: Sequence[Contender],
    *,
    image: str,
    clients: int,
    floors: Sequence[Floor],
) -> Standing:
    """Let contenders take turns, imgsvc among them, after each has given a right answer."""
    shape = SHAPES[image]
    for contender in contenders:
        contender.check(fleet.first_answer(contender, shape), shape)

    bursts: dict[str, list[Burst]] = {contender.name: [] for contender in contenders}

    def one_round() -> None:
        for contender in in_turn(contenders, len(bursts["imgsvc"])):
            burst = fleet.burst(
                contender,
                shape,
                clients=clients,
                warm_up=WARM_UP,
                seconds=SECONDS,
                at_least=AT_LEAST[clients],
            )
            bursts[contender.name].append(burst)
            if contender.name == "imgsvc":
                CLOCK.advance(burst.seconds_per_call)

    others = Others(fleet.cpu_seconds)
    benchmark.pedantic(one_round, rounds=ROUNDS[image])
    standing = Standing(image, clients, bursts, others.cpus(), floors)
    benchmark.extra_info.update(others_cpus=standing.others_cpus, **extra_info(standing))
    return standing


def judge_all(standing: Standing, judge: Judge) -> None:
    """Judge all floors of a standing."""
    for floor, quartiles in standing.judged():
        judge(f"{standing.work}: {floor}, {quartiles}", met=is_met(quartiles, floor.ratio))


def extra_info(standing: Standing) -> dict[str, Any]:
    """Return the figures of a standing, for pytest-benchmark's files."""
    figures = {
        name: {
            "seconds_per_call": [burst.seconds_per_call for burst in bursts],
            "latency_p50": standing.latency(name, 50),
            "latency_p99": standing.latency(name, 99),
            "server_cpu": standing.server_cpu(name),
        }
        for name, bursts in standing.bursts.items()
    }
    floors = [
        {"own": floor.own, "peer": floor.peer, "floor": floor.ratio, "quartiles": quartiles}
        for floor, quartiles in standing.judged()
    ]
    return {"contenders": figures, "floors": floors}
