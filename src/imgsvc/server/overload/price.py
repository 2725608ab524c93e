"""What a request will take, known before it runs."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgsvc._images import Shape
    from imgsvc.operations import Operation
    from imgsvc.recipes.planning import RecipePlan
    from imgsvc.recipes.prediction import Prediction

__all__ = ["Price", "Pricing"]


@dataclasses.dataclass(frozen=True, slots=True)
class Price:
    """What one request, or one item of a batch, will take.

    Attributes
    ----------
    num_bytes
        Of memory, beside its message.
    core_seconds
        Of one core; 0 while nobody knows, as long as nothing has been measured.
    pixels
        Of its image, or of its outputs together if these are more; of all frames.
    byte_seconds
        How much longer it takes for each byte of the image's file.
    """

    num_bytes: int
    core_seconds: float
    pixels: int
    byte_seconds: float = 0.0

    def of_file(self, num_bytes: int) -> Price:
        """Return the price of an image whose file has so many bytes."""
        if not self.byte_seconds:
            return self
        return Price(self.num_bytes, self.core_seconds + self.byte_seconds * num_bytes, self.pixels)


class Pricing:
    """Makes prices of what was planned, by what has been measured so far: it never waits for that."""

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction

    def recipe(self, plan: RecipePlan) -> Price:
        """Return the price of a recipe; of one for a file, `of_file` knows the rest."""
        prediction, header = self._prediction, plan.input.header
        seconds = a_byte = 0.0
        if prediction.calibrated:
            seconds = 1e-3 * prediction.milliseconds(plan, file_bytes=0)
            a_byte = prediction.byte_seconds(plan)
        pixels = math.prod(plan.input.shape[:2]) if header is None else header.width * header.height
        made = sum(math.prod(output.steps.shape[:2]) for output in plan.outputs if output.steps is not None)
        return Price(plan.num_bytes, seconds, plan.input.frames * max(pixels, made), a_byte)

    def operation(self, operation: Operation, shape: Shape, result: Shape) -> Price:
        """Return the price of an operation that makes an image of 8 bits of another."""
        prediction = self._prediction
        seconds = prediction.operation_seconds(operation, shape) if prediction.calibrated else 0.0
        pixels = max(math.prod(shape[:2]), math.prod(result[:2]))
        return Price(math.prod(result), seconds, pixels)
