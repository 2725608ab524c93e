"""Ways of a call: by the client itself or through Envoy, to one server or to two; all run at once."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.scale.cores import on, shared_out
from benchmarks.service.contenders import TUNED_MALLOC
from benchmarks.service.process import CPU_CLOCK, Process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.service.images import Image, Shape

COMMAND_SECONDS = 300.0

REST_SECONDS = 0.03
"""Until everybody has done what belongs to the last calls."""

NAMES = ("one", "two")


@dataclasses.dataclass(frozen=True)
class Way:
    """Through Envoy or not, and to how many servers."""

    balanced: bool
    servers: int

    @property
    def name(self) -> str:
        return f"{'Envoy' if self.balanced else 'direct'}, {self.servers} server{'s' * (self.servers > 1)}"


WAYS = tuple(Way(balanced, servers) for balanced in (False, True) for servers in (1, 2))


@dataclasses.dataclass(frozen=True)
class Burst:
    """What came of clients that called for a while: seconds of the wall, of each call, and of CPUs."""

    wall: float
    latencies: Sequence[float]
    load_cpu: float
    server_cpu: float
    balancer_cpu: float

    @property
    def calls(self) -> int:
        return len(self.latencies)


class Course:
    """Two servers of one core each with deploy/envoy's Envoy before them, and a load generator for each way.

    Servers encrypt, and take calls of the balancer's certificate, as deploy/envoy has it; who calls them
    itself shows the same certificate. Clients of Envoy do not encrypt.
    """

    def __init__(self, folder: Path) -> None:
        from tests.scale import balancer  # noqa: PLC0415 - needs PyYAML, which collecting does without

        self.cores = shared_out(sorted(os.sched_getaffinity(0)))
        self._folder = folder
        self._told: tuple[str, ...] | None = None
        self._loads: dict[Way, Process] = {}
        with contextlib.ExitStack() as ending:
            with on(self.cores.balancer):
                self._site = ending.enter_context(balancer.site(folder))
            for name, core in zip(NAMES, self.cores.servers, strict=True):
                with on(core):
                    self._site.start(name, "--no-access-log")
            for way in WAYS:
                self._loads[way] = ending.enter_context(self._load(way))
            self._ending = ending.pop_all()

    def close(self) -> None:
        """End all of it."""
        self._ending.close()

    def first_answer(self, way: Way, shape: Shape) -> Image:
        """Return what comes back of an image of a shape."""
        self._tell(way)
        path = self._folder / "answer"
        command = {"do": "first", "shape": shape, "save": str(path)}
        shape = self._loads[way].ask(command, COMMAND_SECONDS)["shape"]
        return np.fromfile(path, np.uint8).reshape(shape)

    def burst(
        self, way: Way, shape: Shape, *, clients: int, warm_up: float, seconds: float, at_least: int
    ) -> Burst:
        """Let clients call, after others whose time is nobody's."""
        self._tell(way)
        load = self._loads[way]
        command: dict[str, Any] = {"do": "burst", "shapes": [shape], "clients": clients, "warm_up": None}
        load.ask({**command, "seconds": warm_up, "at_least": 1}, COMMAND_SECONDS)
        time.sleep(REST_SECONDS)
        before = self.server_seconds(), self.balancer_seconds()
        answer = load.ask({**command, "seconds": seconds, "at_least": at_least}, COMMAND_SECONDS)
        time.sleep(REST_SECONDS)
        after = self.server_seconds(), self.balancer_seconds()
        server, balancer = (now - then for now, then in zip(after, before, strict=True))
        return Burst(answer["wall"], answer["latencies"], answer["cpu"], server, balancer)

    def rest(self, servers: int, seconds: float) -> tuple[float, float]:
        """Return the CPU seconds of servers and Envoy while nobody calls, and Envoy knows so many servers."""
        self._site.tell(*NAMES[:servers])
        self._told = None
        time.sleep(1)  # connections are there
        before = self.server_seconds(), self.balancer_seconds()
        time.sleep(seconds)
        return self.server_seconds() - before[0], self.balancer_seconds() - before[1]

    def server_seconds(self) -> float:
        """Return the CPU time that servers have used."""
        return sum(cpu_seconds(self._site.servers[name].process.pid) for name in NAMES)

    def balancer_seconds(self) -> float:
        """Return the CPU time that Envoy has used."""
        [one] = self._site.balancers
        return cpu_seconds(one.process.pid)

    def all_seconds(self) -> float:
        """Return the CPU time of all of it."""
        loads = sum(process.cpu_seconds() for process in self._loads.values())
        return loads + self.server_seconds() + self.balancer_seconds()

    def _tell(self, way: Way) -> None:
        """Let Envoy know the servers of a way, if it is one through Envoy."""
        names = NAMES[: way.servers]
        if way.balanced and names != self._told:
            self._site.tell(*names)
            self._told = names

    def _load(self, way: Way) -> Process:
        if way.balanced:
            kind, target = "bytes", self._site.target
        else:
            addresses = ",".join(self._site.servers[name].target for name in NAMES[: way.servers])
            kind, target = "benchmarks.scale.clients:DirectClient", f"{self._folder / 'tls'}@{addresses}"
        command = (sys.executable, "-m", "benchmarks.service.load", kind, target)
        with on(*self.cores.load):
            return Process(command, TUNED_MALLOC, self._folder / f"{way.name}.log")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, as `Process.cpu_seconds` does."""
    return time.clock_gettime((~pid << 3) | CPU_CLOCK)
