"""How many times a peer's throughput is to be reached, by 1, 4 and 16 clients alike."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Floor:
    """The ratio of throughputs own / peer that is to be reached with an image."""

    image: str
    own: str
    peer: str
    ratio: float


FLOORS = (
    Floor("4000x3000", "imgsvc", "stock", 4.5),
    Floor("4000x3000", "imgsvc-untuned", "stock", 1.5),
    Floor("4000x3000", "imgsvc", "echo", 0.8),
    Floor("4000x3000", "imgsvc", "cpp-default", 1.2),
    Floor("4000x3000", "imgsvc", "cpp-tuned", 0.85),
    Floor("1080x797", "imgsvc", "stock", 1.5),
    Floor("640x480", "imgsvc", "stock", 1.5),
    Floor("640x480", "imgsvc", "echo", 0.8),
    Floor("640x480", "imgsvc", "cpp-default", 1.2),
    Floor("640x480", "imgsvc", "cpp-tuned", 0.85),
    Floor("64x64", "imgsvc", "stock", 1.0),
)

SWEEP_FLOOR = 0.9
"""What the core budget must reach of the best fixed number of threads."""


def is_met(quartiles: list[float], floor: float) -> bool:
    """Whether a floor was met: it is missed when the whole interval lies below it."""
    return quartiles[-1] >= floor


def verdict(quartiles: list[float], floor: float) -> str:
    """Return what a table says of a floor."""
    return "met" if is_met(quartiles, floor) else "MISSED"
