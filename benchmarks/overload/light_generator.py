"""A load generator for small messages, as `benchmarks.overload.generator`, that costs little itself.

python -m benchmarks.overload.light_generator TARGET CONNECTIONS
"""

from __future__ import annotations

import json
import random
import select
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.overload.connection import Connection
from benchmarks.overload.generator import METHOD, kinds_in_turn
from benchmarks.overload.mixes import DEADLINE, bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_WAIT = 0.01


class Light:
    """Calls a server over several connections, on one thread."""

    def __init__(self, target: str, connections: int) -> None:
        self._connections = [Connection(target, METHOD, DEADLINE) for _ in range(connections)]
        self._bodies: dict[str, dict[str, bytes]] = {}
        self._turn = 0

    def obey(
        self, mix: str, seconds: float, seed: int = 0, calls: int = 0, rate: float = 0.0
    ) -> dict[str, Any]:
        """Do what a line says."""
        if mix not in self._bodies:
            self._bodies[mix] = bodies(mix)
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
        self._connections[self._turn % len(self._connections)].call(kind, self._bodies[mix][kind], due)

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


def main() -> None:
    target, connections = sys.argv[1:]
    generator = Light(target, int(connections))
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        try:
            answer = generator.obey(**json.loads(line))
        except Exception as error:  # noqa: BLE001 - who asked decides what it means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
