"""Calls a second and CPU time of everybody on their way, with Envoy between and without."""

from __future__ import annotations

import os
import statistics
import sys
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.needs import ENVOY
from benchmarks.scale.course import WAYS
from benchmarks.scale.report import Standing
from benchmarks.service.images import SHAPES, check_exact
from benchmarks.service.others import Others
from benchmarks.service.rounds import in_turn

if TYPE_CHECKING:
    from benchmarks.scale.course import Burst, Course, Way
    from benchmarks.scale.report import Report

pytestmark = [
    ENVOY.mark,
    pytest.mark.skipif(sys.platform != "linux", reason="CPU times and cores of processes are Linux's"),
]

SECONDS = float(os.environ.get("IMGSVC_SCALE_SECONDS", "0.5"))
"""Of each burst."""

ROUNDS = int(os.environ.get("IMGSVC_SCALE_ROUNDS", "9"))
WARM_UP = 0.1
AT_LEAST = {1: 3, 8: 2}
"""Timed calls of each client, by their number."""

CHECK_SECONDS, CHECK_ROUNDS = 20 * SECONDS, 3


@pytest.mark.parametrize("clients", AT_LEAST)
@pytest.mark.parametrize("image", ["64x64", "640x480", "4000x3000"])
def test_ways(benchmark: Any, *, course: Course, report: Report, image: str, clients: int) -> None:
    shape = SHAPES[image]
    for way in WAYS:
        check_exact(course.first_answer(way, shape), shape)
    bursts: dict[Way, list[Burst]] = {way: [] for way in WAYS}

    def one_round() -> None:
        for way in in_turn(WAYS, len(bursts[WAYS[0]])):
            bursts[way].append(
                course.burst(
                    way,
                    shape,
                    clients=clients,
                    warm_up=WARM_UP,
                    seconds=SECONDS,
                    at_least=AT_LEAST[clients],
                )
            )

    others = Others(course.all_seconds)
    benchmark.pedantic(one_round, rounds=ROUNDS)
    report.standings.append(Standing(image, clients, bursts, others.cpus()))
    benchmark.extra_info["ways"] = {
        way.name: [
            {
                "calls": burst.calls,
                "wall": burst.wall,
                "p50": statistics.median(burst.latencies),
                "server_cpu": burst.server_cpu,
                "balancer_cpu": burst.balancer_cpu,
                "load_cpu": burst.load_cpu,
            }
            for burst in each
        ]
        for way, each in bursts.items()
    }


def test_health_checks(benchmark: Any, course: Course, report: Report) -> None:
    """One each second of each server, beside none."""
    servers: list[float] = []
    balancers: list[float] = []

    def one_round() -> None:
        (none, envoy_none), (two, envoy_two) = (course.rest(count, CHECK_SECONDS) for count in (0, 2))
        checks = 2 * CHECK_SECONDS
        servers.append((two - none) / checks)
        balancers.append((envoy_two - envoy_none) / checks)

    benchmark.pedantic(one_round, rounds=CHECK_ROUNDS)
    report.checks = statistics.median(servers), statistics.median(balancers)
    benchmark.extra_info.update(server_cpu=servers, balancer_cpu=balancers)
