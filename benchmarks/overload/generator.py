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
import select
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.overload.connection import Connection, framed
from benchmarks.overload.mixes import DEADLINE, MIXES, bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD = "/imgsvc.v1.ImageService/Process"
LONGEST_WAIT = 0.01


class Generator:
    """Calls a server over several connections, on one thread."""

    def __init__(self, target: str, connections: int) -> None:
        self._connections = [Connection(target, METHOD, DEADLINE) for _ in range(connections)]
        self._messages: dict[str, dict[str, bytes]] = {}
        self._turn = 0

    def obey(
        self, mix: str, seconds: float, seed: int = 0, calls: int = 0, rate: float = 0.0
    ) -> dict[str, Any]:
        """Do what a line says."""
        if mix not in self._messages:
            self._messages[mix] = {kind: framed(body) for kind, body in bodies(mix).items()}
        for connection in self._connections:
            connection.outcomes.clear()
        kinds = kinds_in_turn(mix, random.Random(seed))
        cpu, begin = time.process_time(), time.monotonic()
        end = begin + seconds
        due = begin
        times = random.Random(rate)
        while (now := time.monotonic()) < end or self._open:
            if now < end and calls:
                for _ in range(calls - self._open):
                    self._call(mix, kinds, now)
            while rate and due <= now and due < end:
                self._call(mix, kinds, due)
                due += times.expovariate(rate)
            wait = min(max(due - now, 0.0), LONGEST_WAIT) if rate and due < end else LONGEST_WAIT
            self._pump(wait)
        outcomes = [each for connection in self._connections for each in connection.outcomes]
        return {"outcomes": outcomes, "cpu": time.process_time() - cpu}

    @property
    def _open(self) -> int:
        return sum(connection.open for connection in self._connections)

    def _call(self, mix: str, kinds: Iterator[str], due: float) -> None:
        kind = next(kinds)
        self._turn += 1
        self._connections[self._turn % len(self._connections)].call(kind, self._messages[mix][kind], due)

    def _pump(self, wait: float) -> None:
        """Read and write what can be, after waiting for something to be read."""
        sockets = {connection.socket: connection for connection in self._connections}
        writing = [each.socket for each in self._connections if each.writes]
        readable, writable, _ = select.select(list(sockets), writing, [], wait)
        for each in writable:
            sockets[each].write()
        for each in readable:
            sockets[each].read()
        now = time.monotonic()
        for connection in self._connections:
            connection.expire(now)


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
