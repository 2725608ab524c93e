"""What is asked of the server: kinds of requests, and how often each comes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from imgsvc.client.exchange import request_body
from imgsvc.processing.given import read_given
from imgsvc.processing.request import make_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEADLINE", "MIXES", "Kind", "bodies"]

DEADLINE = 2.0
"""Seconds that a caller waits: longer than a call may be expected to wait, or nobody could see that limit."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """Requests that are alike: an image, what is done with it, and its share of all requests."""

    shape: tuple[int, ...]
    pipeline: str
    share: float


BLURS = " | ".join(["gaussian_blur sigma=10"] * 5)

MIXES: Mapping[str, Mapping[str, Kind]] = {
    # Kernels take most of the time: refusing costs little beside answering.
    "compute": {
        "small": Kind((128, 128, 3), BLURS, 0.7),
        "medium": Kind((384, 512, 3), BLURS, 0.25),
        "large": Kind((1536, 2048, 3), BLURS, 0.05),
    },
    # Messages take most of the time, in gRPC and in the system.
    "messages": {
        "small": Kind((64, 64, 3), "mean_filter", 0.8),
        "medium": Kind((120, 120, 3), "mean_filter", 0.2),
    },
}


def bodies(mix: str) -> dict[str, bytes]:
    """Return a request of each kind."""
    rng = np.random.default_rng(2026)
    made = {}
    for name, kind in MIXES[mix].items():
        image = rng.integers(0, 256, kind.shape, np.uint8)
        made[name] = request_body(read_given(image), make_recipe(kind.pipeline, "raw", None, ""))
    return made
