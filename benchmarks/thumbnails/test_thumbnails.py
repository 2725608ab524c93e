"""Thumbnails of photos: calls a second, and what a call costs the server."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.service.floors import is_met
from benchmarks.service.others import Others
from benchmarks.service.rounds import Standing, in_turn
from benchmarks.service.served_clock import CLOCK, served
from benchmarks.thumbnails.contenders import contenders, in_process
from benchmarks.thumbnails.floors import CLIENTS, FLOORS, MOST_CPU
from benchmarks.thumbnails.work import WORKS

if TYPE_CHECKING:
    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Server
    from benchmarks.service.fleet import Burst, Fleet
    from benchmarks.thumbnails.conftest import Report
    from benchmarks.thumbnails.work import Work

ROUNDS, WARM_UP, SECONDS = 7, 0.2, 0.6
AT_LEAST = 3


@served
@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_thumbnails(
    benchmark: Any, *, servers: list[Server], fleet: Fleet, report: Report, judge: Judge, work: Work
) -> None:
    taking_part, alone = contenders(servers, work.format), in_process(servers[0], work.format)
    for contender in (*taking_part, alone):
        contender.check(fleet.first_answer(contender, work.shape), work.shape)
    bursts: dict[str, list[Burst]] = {contender.name: [] for contender in taking_part}
    bursts_alone: list[Burst] = []

    def one_round() -> None:
        for contender in in_turn([*taking_part, alone], len(bursts_alone)):
            clients = 1 if contender is alone else CLIENTS
            burst = fleet.burst(
                contender, work.shape, clients=clients, warm_up=WARM_UP, seconds=SECONDS, at_least=AT_LEAST
            )
            (bursts_alone if contender is alone else bursts[contender.name]).append(burst)
            if contender.name == "imgsvc":
                CLOCK.advance(burst.seconds_per_call)

    others = Others(fleet.cpu_seconds)
    benchmark.pedantic(one_round, rounds=ROUNDS)
    standing = Standing(work.name, CLIENTS, bursts, others.cpus(), FLOORS)
    report.standings.append(standing)
    ratios = [
        own.server_cpu_per_call / bare.cpu_per_call
        for own, bare in zip(bursts["imgsvc"], bursts_alone, strict=True)
    ]
    low, median, high = statistics.quantiles(ratios, method="inclusive")
    alone_ms = statistics.median(burst.cpu_per_call for burst in bursts_alone) * 1e3
    most = MOST_CPU.get(work.name)
    line = (
        f"{work.name}: CPU of imgsvc's server {standing.server_cpu('imgsvc') * 1e3:.1f} ms a call, "
        f"of decode, resize and encode in process {alone_ms:.1f}: {median:.2f}×, {low:.2f} – {high:.2f}"
    )
    met = most is None or low <= most
    report.cpu.append(line if most is None else f"{line}; at most {most:.2f}: {'met' if met else 'MISSED'}")
    benchmark.extra_info.update(cpu_ratios=ratios, others_cpus=standing.others_cpus)
    for floor, quartiles in standing.judged():
        judge(f"{standing.work}: {floor}, {quartiles}", met=is_met(quartiles, floor.ratio))
    judge(line, met=met)
