"""Figures to reach: how many times a peer's throughput, by image and by the number of clients."""

from __future__ import annotations

import dataclasses

CLIENTS = (1, 4, 16)


@dataclasses.dataclass(frozen=True)
class Floor:
    """The ratio of throughputs own / peer that is to be reached by so many clients with an image."""

    image: str
    clients: int
    own: str
    peer: str
    ratio: float


def _floors(image: str, peer: str, *ratios: float, own: str = "imgsvc") -> list[Floor]:
    """Return a floor for each number of clients; one ratio is that of all."""
    each = ratios * len(CLIENTS) if len(ratios) == 1 else ratios
    return [Floor(image, clients, own, peer, ratio) for clients, ratio in zip(CLIENTS, each, strict=True)]


LEAN = [
    *_floors("64x64", "echo", 1.1),
    *_floors("64x64", "stock", 1.3),
    *_floors("64x64", "cpp-tuned", 0.7),
    *_floors("640x480", "echo", 0.75, 0.9, 0.95),
    *_floors("640x480", "cpp-tuned", 0.8),
    *_floors("1080x797", "echo", 0.8),
    *_floors("1080x797", "cpp-tuned", 0.85),
    *_floors("4000x3000", "echo", 0.95),
    *_floors("4000x3000", "cpp-tuned", 0.95),
]
"""Servers that one lean client calls."""

FROM_ARRAYS = [
    *_floors("64x64", "stock", 1.15),
    *_floors("640x480", "stock", 3.0),
    *_floors("1080x797", "stock", 1.5),
    *_floors("4000x3000", "stock", 6.0),
    *_floors("4000x3000", "stock", 1.5, own="imgsvc-untuned"),
]
"""Each server with its own client."""

CLIENT_MICROSECONDS = 40.0
"""What a 64×64 call may cost `imgsvc.Client` beyond the lean client's cost, of CPU time."""

BATCH_FLOOR = 3.0
"""How many times as many small images a second a stream takes as single calls do."""

IDLE_THREADS = 30
"""What an idle server may have."""

START_SECONDS = 0.3
"""What a start may take beyond its imports."""

IDLE_MEMORY = 20e6
"""Bytes that an idle server may take beyond a bare one's with its imports."""

SWEEP_FLOOR = 0.9
"""What the core budget must reach of the best fixed number of threads."""


def is_met(quartiles: list[float], floor: float) -> bool:
    """Whether a floor was met: it is missed when the whole interval lies below it."""
    return quartiles[-1] >= floor


def verdict(quartiles: list[float], floor: float) -> str:
    """Return what a table says of a floor."""
    return "met" if is_met(quartiles, floor) else "MISSED"
