"""What is worth to look for: what takes longer to compute than to find."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imgsvc.cache.digest import seconds_a_byte
from imgsvc.recipes.recipe import RAW

if TYPE_CHECKING:
    from imgsvc.cache.store import Store
    from imgsvc.recipes.planning import OutputPlan, RecipePlan

__all__ = ["Rule", "answer_bytes"]

LOOKING_SECONDS = 30e-6
"""Of Python, for whatever is looked for: its key, its place, its locks."""

LOSSY = {"jpeg", "webp", "avif"}
LOSSY_SHARE = 0.25
"""Of its pixels' bytes, what a file of those formats takes: more than most. Others count as their pixels."""


class Rule:
    """Tells what is worth to look for, by what hashing takes here and fetching takes now.

    Parameters
    ----------
    store
        Knows what fetching takes.
    worth
        How many times as long computing must take as looking does. What is not found has been looked for in
        vain, so with 2 the cache wins where every second request is found, or more of them.

    Attributes
    ----------
    hash_seconds_a_byte : float
        Measured when it is made.
    """

    def __init__(self, store: Store, worth: float) -> None:
        self._store = store
        self._worth = worth
        self.hash_seconds_a_byte = seconds_a_byte()

    def looking_seconds(self, hashed_bytes: int, found_bytes: int) -> float:
        """Return what it takes to find an answer of so many bytes, for a request of so many."""
        return (
            LOOKING_SECONDS + hashed_bytes * self.hash_seconds_a_byte + self._store.fetch_seconds(found_bytes)
        )

    def is_worth(self, compute_seconds: float, hashed_bytes: int, found_bytes: int) -> bool:
        """Return whether an answer is to be looked for, and kept."""
        looking = self.looking_seconds(hashed_bytes, found_bytes)
        return looking < math.inf and compute_seconds >= self._worth * looking


def answer_bytes(plan: RecipePlan) -> int:
    """Return about how large the answer to a plan will be: nobody knows a file's size beforehand."""
    return plan.input.frames * sum(_output_bytes(output) for output in plan.outputs)


def _output_bytes(output: OutputPlan) -> int:
    if output.steps is None:
        return 0
    pixels = math.prod(output.steps.shape) * output.steps.dtype.itemsize
    lossy = output.format != RAW and output.format in LOSSY and not output.output.lossless
    return int(LOSSY_SHARE * pixels) if lossy else pixels
