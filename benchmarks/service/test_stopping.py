"""How soon cores are free after a deadline, and after a cancellation."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.service.contenders import Contender, Server
from benchmarks.service.images import SHAPES
from benchmarks.service.process import Process
from benchmarks.service.served_clock import CLOCK, served
from benchmarks.service.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.floor import Judge
    from benchmarks.service.fleet import Fleet
    from benchmarks.service.images import Shape
    from benchmarks.service.report import Report

ENDLESS = {"640x480": SHAPES["640x480"], "4000x3000": SHAPES["4000x3000"], "10000x8000": (8000, 10000, 3)}
LOADS: dict[str, tuple[Shape, int] | None] = {
    "nothing else": None,
    "16 clients of 640x480": (SHAPES["640x480"], 16),
    "1 client of 4000x3000": (SHAPES["4000x3000"], 1),
}
CALLS = {"640x480": 40, "4000x3000": 20, "10000x8000": 6}

# A large image takes a while to arrive, the more so beside others.
SECONDS = {"640x480": 0.3, "4000x3000": 0.6, "10000x8000": 2.0}

ANSWER_SECONDS = 60.0

SERVER = Server("stoppable", (sys.executable, "-m", "benchmarks.service.stoppable_server"))
LOAD = Contender("stoppable", SERVER, "imgsvc")

DEADLINE_GOAL = (100, 0.020)
CANCEL_GOALS = {
    "nothing else": (100, 0.020),
    "16 clients of 640x480": (100, 0.020),
    "1 client of 4000x3000": (95, 0.050),
}
"""Percent of the calls, and the seconds within which their cores must be free."""


@served
@pytest.mark.parametrize("beside", LOADS)
@pytest.mark.parametrize("image", ENDLESS)
@pytest.mark.parametrize("end", ["deadline", "cancellation"])
def test_cores_are_free_soon(
    benchmark: Any,
    *,
    fleet: Fleet,
    report: Report,
    judge: Judge,
    tmp_path: Path,
    end: str,
    image: str,
    beside: str,
) -> None:
    server = fleet.server(SERVER)

    def settled() -> list[tuple[float, float | None]]:
        """Return what has been stopped since the last time, once there is something, or never will be."""
        end = time.monotonic() + 2
        while not (stops := server.ask({}, ANSWER_SECONDS)["stops"]) and time.monotonic() < end:
            time.sleep(0.02)
        found: list[tuple[float, float | None]] = stops
        return found

    def one_call() -> float | None:
        """Return the seconds from its end to its cores being free; None if it was still on its way in."""
        asked = {"shape": ENDLESS[image], "end": end, "seconds": SECONDS[image]}
        ended = client.ask(asked, ANSWER_SECONDS)["ended"]
        stops = settled()
        if not stops:
            return None
        free, after_deadline = stops[0]
        return after_deadline if end == "deadline" else free - ended

    command = (sys.executable, "-m", "benchmarks.service.stopping_client", fleet.target(SERVER))
    with Process(command, {}, tmp_path / "client.log") as client, loaded(fleet, beside):
        seconds = [taken for _ in range(CALLS[image]) if (taken := one_call()) is not None]
    benchmark.pedantic(lambda: CLOCK.advance(max(seconds)), rounds=1)
    goal = DEADLINE_GOAL if end == "deadline" else CANCEL_GOALS[beside]
    stopping = Stopping(end, image, beside, seconds, goal)
    report.stopping.append(stopping)
    benchmark.extra_info.update(seconds=seconds)
    judge(stopping.verdict, met=stopping.is_met)


@contextlib.contextmanager
def loaded(fleet: Fleet, beside: str) -> Iterator[None]:
    """Let other clients call meanwhile."""
    load = LOADS[beside]
    if load is None:
        yield
        return
    done = threading.Event()
    shape, clients = load

    def burst() -> None:
        while not done.is_set():
            fleet.burst(LOAD, shape, clients=clients, seconds=0.5)

    thread = threading.Thread(target=burst, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
