"""Goodput and latency at half of the capacity, at it, and at two and four times as much."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.overload.level import Level, Outcome, floors
from benchmarks.overload.mixes import MIXES
from benchmarks.service.others import Others
from benchmarks.service.process import Process, program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.floor import Judge

FACTORS = (0.5, 1.0, 2.0, 4.0)
SECONDS = float(os.environ.get("IMGSVC_OVERLOAD_SECONDS", "6"))
"""Of each level; what is calm takes less to see."""

CLOSED_CALLS = 16
GENERATORS = 2
CONNECTIONS = 2
START_SECONDS = 60.0
ANSWER_SECONDS = 120.0


class Site:
    """A server, and generators that call it over TCP and over its Unix socket: callers of two addresses."""

    def __init__(self, folder: Path) -> None:
        socket = folder / "socket"
        command = [program("imgsvc-server"), "--port", "0", "--unix-socket", str(socket)]
        self.server = Process(command, {}, folder / "server.log")
        line = self.server.read_line(START_SECONDS)
        targets = line.split(" serving on ")[1].strip().split(", ")
        module = (sys.executable, "-m", "benchmarks.overload.generator")
        self.generators = [
            Process((*module, target, str(CONNECTIONS)), {}, folder / f"generator{number}.log")
            for number, target in enumerate(targets[:GENERATORS])
        ]
        for process in self.generators:
            process.read_line(START_SECONDS)

    def ask(self, commands: Sequence[dict[str, Any]]) -> tuple[list[list[Outcome]], list[float]]:
        """Have each generator do something at the same time; return the outcomes, and CPU seconds."""
        with ThreadPoolExecutor(len(self.generators)) as pool:
            answers = list(
                pool.map(
                    lambda pair: pair[0].ask(pair[1], ANSWER_SECONDS),
                    zip(self.generators, commands, strict=False),
                )
            )
        return [[Outcome(*each) for each in answer["outcomes"]] for answer in answers], [
            answer["cpu"] for answer in answers
        ]

    def cpu_seconds(self) -> float:
        """Return those of all processes."""
        return sum(process.cpu_seconds() for process in (self.server, *self.generators))

    def end(self) -> None:
        """End them."""
        for process in (*self.generators, self.server):
            process.end()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.end()


def capacity(site: Site, mix: str) -> float:
    """Return how many calls a second a closed loop gets answered."""
    command = {"mix": mix, "calls": CLOSED_CALLS // GENERATORS}
    site.ask([{**command, "seconds": 0.5}] * GENERATORS)
    found, _ = site.ask([{**command, "seconds": SECONDS / 2}] * GENERATORS)
    outcomes = [each for outcomes in found for each in outcomes]
    begin, end = min(each.due for each in outcomes), max(each.end for each in outcomes)
    return sum(each.good for each in outcomes) / (end - begin)


def at(site: Site, mix: str, factor: float, rate: float) -> Level:
    """Return what becomes of calls at a rate, half of them from each generator."""
    others, server, begin = Others(site.cpu_seconds), site.server.cpu_seconds(), time.perf_counter()
    commands = [
        {"mix": mix, "rate": rate / GENERATORS, "seconds": SECONDS, "seed": seed}
        for seed in range(GENERATORS)
    ]
    found, cpu = site.ask(commands)
    wall = time.perf_counter() - begin
    outcomes = [each for outcomes in found for each in outcomes]
    server = (site.server.cpu_seconds() - server) / wall
    return Level(mix, factor, SECONDS, outcomes, sum(cpu) / wall, server, others.cpus())


@pytest.mark.parametrize("mix", MIXES)
def test_beyond_the_capacity(
    benchmark: Any, *, site: Site, judge: Judge, mix: str, levels: dict[str, list[Level]]
) -> None:
    most = capacity(site, mix)
    made = levels.setdefault(mix, [])

    def all_levels() -> None:
        for factor in FACTORS:
            made.append(at(site, mix, factor, factor * most))
            time.sleep(0.5)  # what is left of one does not count for the next

    benchmark.pedantic(all_levels, rounds=1)
    benchmark.extra_info.update(
        capacity=most,
        levels=[
            {
                "factor": level.factor,
                "offered": level.offered,
                "goodput": level.goodput,
                "refused": level.refused,
                "late": level.late,
                "p50": level.percentile(50),
                "p99": level.percentile(99),
                "p99_small": level.percentile(99, "small"),
                "refusal_p50": level.percentile(50, code="RESOURCE_EXHAUSTED"),
            }
            for level in made
        ],
    )
    for name, (value, floor, met) in floors(made).items():
        judge(f"{name}: {value:.2f}, floor {floor:.2f}", met=met)


def test_a_flood_beside_a_modest_caller(benchmark: Any, *, site: Site, lines: list[str]) -> None:
    """One caller sends four times the capacity, another a tenth of it."""
    most = capacity(site, "compute")
    rates = (4 * most, 0.1 * most)

    def beside() -> None:
        found, _ = site.ask([{"mix": "compute", "rate": rate, "seconds": SECONDS} for rate in rates])
        for name, outcomes in zip(("flood, 4×", "modest, 0.1×"), found, strict=True):
            level = Level("compute", 0, SECONDS, outcomes, 0, 0, None)
            p50, p99 = (1e3 * level.percentile(percent) for percent in (50, 99))
            lines.append(
                f"{name}: {level.offered:.1f} offered, goodput {level.goodput:.1f}, "
                f"refused {level.refused:.1%}, late {level.late:.1%}, p50 {p50:.0f} ms, p99 {p99:.0f} ms"
            )

    benchmark.pedantic(beside, rounds=1)
