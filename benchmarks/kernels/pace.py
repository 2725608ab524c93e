"""How often to call, so that a run ends soon: what takes long is called less often."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.kernels.peers import Call


def first_result(call: Call) -> tuple[Any, float]:
    """Return the result of a first call and the seconds of a second one, or of the first if it was long."""
    result, seconds = timed(call)
    return result, seconds if seconds > 0.1 else timed(call)[1]


def timed(call: Call) -> tuple[Any, float]:
    """Return the result of a call, and its seconds."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def rounds_within(budget: float, seconds: float, least: int, most: int) -> int:
    """Return how many rounds of so many seconds fit into the budget, in seconds, between two limits."""
    return max(least, min(most, int(budget / seconds)))
