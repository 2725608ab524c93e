"""The cores of servers, balancer and load generator: for each its own, where there are enough."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclasses.dataclass(frozen=True)
class Cores:
    """Cores by their numbers: of each of two servers, of the balancer, and of the load generator."""

    servers: tuple[int, int]
    balancer: int
    load: tuple[int, ...]

    @property
    def lines(self) -> Iterator[str]:
        """Who was where, and what that means."""
        one, two = self.servers
        load = ", ".join(map(str, self.load))
        yield f"Pinned: servers to cores {one}, {two}, Envoy to {self.balancer}, load generator to {load}."
        if one == two:
            yield "Both servers share a core here, so that two answer no more calls than one."
        if self.balancer in self.load:
            yield "Envoy shares one with the load generator here, so that fewer calls a second go through it."


def shared_out(cores: Sequence[int]) -> Cores:
    """Return who has which of these cores: servers come first, then Envoy, then the load generator."""
    last = cores[-1]
    if len(cores) >= 4:
        return Cores((cores[0], cores[1]), cores[2], tuple(cores[3:]))
    if len(cores) == 3:
        return Cores((cores[0], cores[1]), last, (last,))
    return Cores((cores[0], cores[0]), last, (last,))


@contextlib.contextmanager
def on(*cores: int) -> Iterator[None]:
    """Have processes that are started meanwhile run on these cores."""
    before: Iterable[int] = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
