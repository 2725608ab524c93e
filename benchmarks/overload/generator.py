"""A load generator: a process that calls one server as one caller, as it is told.

python -m benchmarks.overload.generator TARGET CONNECTIONS

What it is told is an object of JSON a line on stdin, answered by one on stdout; when stdin ends, so does it.

{"mix": "compute", "calls": 16, "seconds": 2}
    a closed loop: so many calls under way at a time
{"mix": "compute", "rate": 200.0, "seconds": 4, "seed": 1}
    an open loop: so many calls a second, at random times, whatever becomes of them

The answer is {"outcomes": [[KIND, DUE, BEGIN, END, CODE], …], "cpu": SECONDS}: a generator that falls behind
does not hide that.
"""

from __future__ import annotations

import heapq
import json
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from imgsvc import tune_allocator

tune_allocator()  # before gRPC is loaded

import grpc  # noqa: E402 - see above

from benchmarks.overload.mixes import DEADLINE, MIXES, bodies  # noqa: E402 - it loads gRPC

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD = "/imgsvc.v1.ImageService/Process"
OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # or they would share a connection
)


class Generator:
    """Calls a server over several connections."""

    def __init__(self, target: str, connections: int) -> None:
        channels = [grpc.insecure_channel(target, options=OPTIONS) for _ in range(connections)]
        for channel in channels:
            grpc.channel_ready_future(channel).result(30)
        self._methods = [channel.unary_unary(METHOD) for channel in channels]
        self._mix = ""
        self._bodies: dict[str, bytes] = {}
        self._outcomes: list[tuple[str, float, float, float, str]] = []
        self._room = threading.Semaphore(0)

    def obey(self, mix: str, seconds: float, seed: int = 0, **how: Any) -> dict[str, Any]:
        """Do what a line says."""
        if mix != self._mix:
            self._mix, self._bodies = mix, bodies(mix)
        self._outcomes = outcomes = []
        kinds = kinds_in_turn(mix, random.Random(seed))
        cpu = time.process_time()
        count = self._closed(kinds, seconds, **how) if "calls" in how else self._open(kinds, seconds, **how)
        end = time.monotonic() + DEADLINE + 30
        while len(outcomes) < count and time.monotonic() < end:
            time.sleep(0.01)
        return {"outcomes": outcomes, "cpu": time.process_time() - cpu}

    def _closed(self, kinds: Iterator[str], seconds: float, calls: int) -> int:
        self._room = threading.Semaphore(calls)
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self._room.acquire()
            self._call(next(kinds), time.monotonic(), count)
            count += 1
        return count

    def _open(self, kinds: Iterator[str], seconds: float, rate: float) -> int:
        times = random.Random(rate)
        begin = time.monotonic() + 0.05
        due, count = begin, 0
        while due < begin + seconds:
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self._call(next(kinds), due, count)
            count += 1
            due += times.expovariate(rate)
        return count

    def _call(self, kind: str, due: float, number: int) -> None:
        begin = time.monotonic()
        left = max(due + DEADLINE - begin, 0.001)
        future = self._methods[number % len(self._methods)].future(self._bodies[kind], timeout=left)
        outcomes, room = self._outcomes, self._room

        def ended(future: Any) -> None:
            now = time.monotonic()
            outcomes.append((kind, due, begin, now, future.code().name))
            room.release()

        future.add_done_callback(ended)


def kinds_in_turn(mix: str, rng: random.Random) -> Iterator[str]:
    """Yield kinds of requests for ever, each kind spread evenly and in an order of chance."""
    names = list(MIXES[mix])
    heap = [(rng.random() / MIXES[mix][name].share, name) for name in names]
    heapq.heapify(heap)
    while True:
        when, name = heapq.heappop(heap)
        yield name
        heapq.heappush(heap, (when + 1 / MIXES[mix][name].share, name))


def main() -> None:
    target, connections = sys.argv[1:]
    generator = Generator(target, int(connections))
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        try:
            answer = generator.obey(**json.loads(line))
        except Exception as error:  # noqa: BLE001 - who asked decides what it means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
