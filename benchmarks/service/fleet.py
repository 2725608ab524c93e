"""The contenders' processes: started when they are first used, kept, and ended together."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.service.process import Process, ProcessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from benchmarks.service.contenders import Contender, Server
    from benchmarks.service.images import Image, Shape

START_SECONDS = 30.0

COMMAND_SECONDS = 300.0
"""The slowest contender's longest burst takes ten seconds on two cores."""

REST_SECONDS = 0.03
"""Until a server has written of its last calls, and its CPU time is that of whole calls."""


@dataclasses.dataclass(frozen=True)
class Burst:
    """What came of clients that called for a while (see `benchmarks.service.closed_loop`)."""

    wall: float
    latencies: Sequence[float]
    cpu: float
    """CPU seconds of the clients' process."""
    server_cpu: float
    """CPU seconds of the server, until it was at rest again; without those of warming up, as the others."""

    @property
    def seconds_per_call(self) -> float:
        """The inverse of the throughput."""
        return self.wall / len(self.latencies)

    @property
    def server_cpu_per_call(self) -> float:
        """What a call cost the server."""
        return self.server_cpu / len(self.latencies)

    @property
    def cpu_per_call(self) -> float:
        """What a call cost the client."""
        return self.cpu / len(self.latencies)


class Fleet:
    """Servers and load generators, as many as are asked for, as long as its context."""

    def __init__(self) -> None:
        self._ending = contextlib.ExitStack()
        self._folder = Path(
            self._ending.enter_context(tempfile.TemporaryDirectory(prefix="imgsvc-benchmark-"))
        )
        self._servers: dict[Server, tuple[Process, str]] = {}
        self._loads: dict[Contender, Process] = {}

    def server(self, server: Server) -> Process:
        """Return the process of a server that serves."""
        return self._serving(server)[0]

    def target(self, server: Server) -> str:
        """Return where it serves, as gRPC's clients take it."""
        return self._serving(server)[1]

    def first_answer(self, contender: Contender, shape: Shape) -> Image:
        """Return what a contender makes of an image of a shape."""
        path = self._folder / f"{contender.name}.answer"
        command = {"do": "first", "shape": shape, "save": str(path)}
        shape = self._load(contender).ask(command, COMMAND_SECONDS)["shape"]
        answer = np.fromfile(path, np.uint8).reshape(shape)
        path.unlink()
        return answer

    def burst(
        self,
        contender: Contender,
        *shapes: Shape,
        clients: int,
        warm_up: float | None = None,
        seconds: float = 0.0,
        at_least: int = 1,
    ) -> Burst:
        """Let a contender's clients call, with images of these shapes in turn."""
        load, server = self._load(contender), self.server(contender.server)
        command = {"do": "burst", "shapes": shapes, "clients": clients}
        if warm_up is not None:  # a burst of its own, whose CPU time is nobody's
            load.ask({**command, "warm_up": None, "seconds": warm_up, "at_least": 1}, COMMAND_SECONDS)
            time.sleep(REST_SECONDS)
        before = server.cpu_seconds()
        timed = {**command, "warm_up": None, "seconds": seconds, "at_least": at_least}
        answer = load.ask(timed, COMMAND_SECONDS)
        time.sleep(REST_SECONDS)
        return Burst(**answer, server_cpu=server.cpu_seconds() - before)

    def cpu_seconds(self) -> float:
        """Return the CPU time that all of them have used."""
        processes = [*self._loads.values(), *(process for process, _ in self._servers.values())]
        return sum(process.cpu_seconds() for process in processes)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ending.close()

    def _serving(self, server: Server) -> tuple[Process, str]:
        if server not in self._servers:
            log = self._folder / f"{server.name}-server.log"
            process = self._ending.enter_context(Process(server.command, server.variables, log))
            line = process.read_line(START_SECONDS)
            _name, said, addresses = line.partition(" serving on ")
            if not said:
                raise ProcessError(f"{server.name}: expected where it serves, not {line!r}")
            self._servers[server] = process, addresses.split(",")[0].strip()
        return self._servers[server]

    def _load(self, contender: Contender) -> Process:
        if contender not in self._loads:
            module = (sys.executable, "-m", "benchmarks.service.load")
            command = (*module, contender.client, self.target(contender.server))
            log = self._folder / f"load-{len(self._loads)}.log"
            self._loads[contender] = self._ending.enter_context(Process(command, contender.variables, log))
        return self._loads[contender]
