"""How much memory the servers take, and give back."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.service.fleet import Fleet
from benchmarks.service.images import SHAPES
from benchmarks.service.memory import MB, Growth, Memory
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Contender, Server
    from benchmarks.service.process import Process
    from benchmarks.service.report import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

LARGE, LARGE_CLIENTS, LARGE_CALLS = SHAPES["4000x3000"], 16, 2

# Two of fifty are large: more of them, and this would take as long as all the rest.
MIXED = [SHAPES[name] for name in (*["64x64", "640x480", "1080x797", "640x480"] * 12, *["4000x3000"] * 2)]
MIXED_CLIENTS = 4
FEW_CALLS, MANY_CALLS = 200, 2000

QUIET_SECONDS, STEADY_SECONDS = 20.0, 7.0
"""At most, and without a change: imgsvc gives memory back five seconds after its last call."""


@served
def test_peak_and_quiet(
    benchmark: Any, contenders: Sequence[Contender], report: Report, judge: Judge
) -> None:
    first: dict[Server, Contender] = {}
    for contender in contenders:
        first.setdefault(contender.server, contender)
    start, peak = {}, {}
    with Fleet() as fleet:  # servers without a past
        processes = {server: fleet.server(server) for server in first}

        def bursts() -> None:
            for server, process in processes.items():
                start[server] = process.resident()
                process.reset_peak()
                burst = fleet.burst(first[server], LARGE, clients=LARGE_CLIENTS, at_least=LARGE_CALLS)
                peak[server] = process.peak()
                if server.name == "imgsvc":
                    CLOCK.advance(burst.seconds_per_call)

        benchmark.pedantic(bursts)
        wait_for_quiet(list(processes.values()))
        in_flight = 2 * LARGE_CLIENTS * LARGE[0] * LARGE[1] * LARGE[2]
        for server, process in processes.items():
            report.memory.append(
                Memory(server.name, start[server], peak[server], process.resident(), in_flight)
            )
    benchmark.extra_info.update(memory=[vars(memory) for memory in report.memory])
    own = report.memory[0]
    judge(f"{own}, peak at most {own.peak_goal:.0f}", met=own.peak <= own.peak_goal)
    judge(f"{own}, at last at most {own.quiet_goal:.0f}", met=own.quiet <= own.quiet_goal)


@served
def test_growth(benchmark: Any, contenders: Sequence[Contender], report: Report, judge: Judge) -> None:
    imgsvc = contenders[0]
    with Fleet() as fleet:
        process = fleet.server(imgsvc.server)

        def calls(number: int) -> int:
            """Make so many calls, and return the resident bytes after a quiet spell."""
            burst = fleet.burst(imgsvc, *MIXED, clients=MIXED_CLIENTS, at_least=number // MIXED_CLIENTS)
            CLOCK.advance(burst.seconds_per_call)
            wait_for_quiet([process])
            return process.resident()

        few = calls(FEW_CALLS)
        many = benchmark.pedantic(calls, args=(MANY_CALLS - FEW_CALLS,))
    growth = report.growth = Growth(FEW_CALLS, MANY_CALLS, few, many)
    benchmark.extra_info.update(vars(growth))
    judge(f"{growth}, at most {growth.goal:.0f}", met=growth.many <= growth.goal)


def wait_for_quiet(processes: Sequence[Process]) -> None:
    """Wait until none has given or taken memory for a while."""
    begin = steady_since = time.monotonic()
    known = [process.resident() for process in processes]
    while (now := time.monotonic()) < begin + QUIET_SECONDS and now < steady_since + STEADY_SECONDS:
        time.sleep(0.25)
        resident = [process.resident() for process in processes]
        if any(abs(each - before) > MB for each, before in zip(resident, known, strict=True)):
            known, steady_since = resident, now
