"""How soon cores are free after a deadline, and after a cancellation."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from benchmarks.service.contenders import Contender, Server
from benchmarks.service.images import SHAPES, noise
from benchmarks.service.served_clock import CLOCK, served
from benchmarks.service.serving import UNLIMITED
from benchmarks.service.stoppable_server import ROTATE_IMAGE
from benchmarks.service.stopping import Stopping
from imgsvc.operations import Rotate90
from imgsvc.wire.nl_image import draft_rotate_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.service.fleet import Fleet
    from benchmarks.service.images import Shape
    from benchmarks.service.report import Report

ENDLESS = {"640x480": SHAPES["640x480"], "4000x3000": SHAPES["4000x3000"], "10000x8000": (8000, 10000, 3)}
LOADS: dict[str, tuple[Shape, int] | None] = {
    "nothing else": None,
    "16 clients of 640x480": (SHAPES["640x480"], 16),
    "1 client of 4000x3000": (SHAPES["4000x3000"], 1),
}
CALLS = {"640x480": 40, "4000x3000": 20, "10000x8000": 8}

# A large image takes a while to arrive, the more so beside others.
DEADLINES = {"640x480": 0.3, "4000x3000": 0.8, "10000x8000": 3.0}

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
    benchmark: Any, *, fleet: Fleet, report: Report, end: str, image: str, beside: str
) -> None:
    process = fleet.server(SERVER)
    body = rotate_request(ENDLESS[image])
    with grpc.insecure_channel(fleet.target(SERVER), options=UNLIMITED) as channel:
        rotate = channel.unary_unary(ROTATE_IMAGE)

        def until_deadline() -> float | None:
            with contextlib.suppress(grpc.RpcError):
                rotate(body, timeout=DEADLINES[image])
            stops = settled()
            return stops[0][1] if stops else None  # none: it was still on its way in

        def until_cancelled() -> float | None:
            call = rotate.future(body)
            time.sleep(DEADLINES[image])
            cancelled = time.monotonic()
            call.cancel()
            stops = settled()
            return stops[0][0] - cancelled if stops else None

        def settled() -> list[Any]:
            stops: list[Any] = []
            end = time.monotonic() + 2
            while not stops and time.monotonic() < end:
                time.sleep(0.02)
                stops = process.ask({}, 10)["stops"]
            return stops

        settled_seconds: list[float] = []
        with loaded(fleet, beside):
            settled()
            for _ in range(CALLS[image]):
                seconds = (until_deadline if end == "deadline" else until_cancelled)()
                if seconds is not None:
                    settled_seconds.append(seconds)
    CLOCK.advance(0)
    benchmark.pedantic(lambda: CLOCK.advance(max(settled_seconds)), rounds=1)
    goal = DEADLINE_GOAL if end == "deadline" else CANCEL_GOALS[beside]
    if image == "10000x8000" and end == "cancellation":
        goal = None  # measured only: the serving thread delivers the news, and is reading 240 MB of others'
    report.stopping.append(Stopping(end, image, beside, settled_seconds, goal))
    benchmark.extra_info.update(seconds=settled_seconds)


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


def rotate_request(shape: Shape) -> bytes:
    draft = draft_rotate_request(Rotate90(1), shape)
    draft.pixels[...] = noise(shape)
    return draft.finish()
