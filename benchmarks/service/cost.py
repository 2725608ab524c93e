"""What a call costs by the size of its image, and how straight the line through that is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.service.images import Shape


@dataclasses.dataclass(frozen=True)
class Cost:
    """The median seconds of a call with an image of a shape, one call after another."""

    shape: Shape
    seconds: float

    @property
    def megapixels(self) -> float:
        """Pixels, in millions."""
        return self.shape[0] * self.shape[1] / 1e6

    @property
    def is_rgb(self) -> bool:
        """Whether it has three bytes a pixel."""
        return len(self.shape) == 3


@dataclasses.dataclass(frozen=True)
class Line:
    """`fixed` seconds a call and `slope` seconds a megapixel."""

    fixed: float
    slope: float

    def deviation(self, cost: Cost) -> float:
        """Return how far a cost lies off the line, relative to it."""
        return cost.seconds / (self.fixed + self.slope * cost.megapixels) - 1


def fit_line(costs: Sequence[Cost]) -> Line:
    """Return the line with the least sum of squared relative deviations.

    Relative ones: by absolute ones the largest images alone would decide.
    """
    seconds = np.array([cost.seconds for cost in costs])
    slope, fixed = np.polyfit([cost.megapixels for cost in costs], seconds, 1, w=1 / seconds)
    return Line(float(fixed), float(slope))
