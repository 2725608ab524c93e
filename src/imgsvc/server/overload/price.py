"""What a request will take, known before it runs."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from imgsvc.runtime.cores import LONG_SECONDS

if TYPE_CHECKING:
    from imgsvc._images import Shape
    from imgsvc.operations import Operation
    from imgsvc.recipes.description import DescriptionPlan
    from imgsvc.recipes.planning import RecipePlan
    from imgsvc.recipes.prediction import Prediction

__all__ = ["Price", "Pricing"]


@dataclasses.dataclass(frozen=True, slots=True)
class Price:
    """What one request, or one item of a batch, will take.

    Attributes
    ----------
    num_bytes
        Of memory, beside its message and the copies of its file.
    core_seconds
        Of one core; 0 while nobody knows, as long as nothing has been measured.
    pixels
        Of its image, or of its outputs together if these are more; of all frames.
    byte_seconds
        How much longer it takes for each byte of the image's file.
    file_copies
        How many copies of that file it holds.
    handed_bytes
        What it holds more where helper programs decode and encode.
    """

    num_bytes: int
    core_seconds: float
    pixels: int
    byte_seconds: float = 0.0
    file_copies: int = 0
    handed_bytes: int = 0

    @property
    def is_final(self) -> bool:
        """Whether `of_file` changes nothing."""
        return not (self.file_copies or self.handed_bytes)

    def of_file(self, num_bytes: int) -> Price:
        """Return the price of an image whose file has so many bytes; of pixels that is none."""
        seconds = self.core_seconds + self.byte_seconds * num_bytes
        held = self.num_bytes + self.file_copies * num_bytes
        if seconds > LONG_SECONDS:
            held += self.handed_bytes + (num_bytes if self.file_copies else 0)
        return Price(held, seconds, self.pixels)


class Pricing:
    """Makes prices of what was planned, by what has been measured so far: it never waits for that."""

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction

    def recipe(self, plan: RecipePlan) -> Price:
        """Return the price of a recipe; `of_file` knows the rest."""
        prediction, whole = self._prediction, plan.input
        seconds = a_byte = 0.0
        if prediction.calibrated:
            seconds = 1e-3 * prediction.milliseconds(plan, file_bytes=0)
            a_byte = prediction.byte_seconds(whole)
        made = sum(math.prod(output.steps.shape[:2]) for output in plan.outputs if output.steps is not None)
        pixels = whole.frames * max(whole.most_pixels, made)
        return Price(plan.num_bytes, seconds, pixels, a_byte, whole.file_copies, plan.handed_bytes)

    def description(self, plan: DescriptionPlan) -> Price:
        """Return the price of a description; `of_file` knows the rest."""
        prediction, whole = self._prediction, plan.input
        seconds = a_byte = 0.0
        if prediction.calibrated:
            seconds = prediction.description_seconds(plan)
            a_byte = prediction.byte_seconds(whole)
        handed = whole.decoded_bytes
        return Price(plan.num_bytes, seconds, whole.most_pixels, a_byte, whole.file_copies, handed)

    def operation(self, operation: Operation, shape: Shape, result: Shape) -> Price:
        """Return the price of an operation that makes an image of 8 bits of another."""
        prediction = self._prediction
        seconds = prediction.operation_seconds(operation, shape) if prediction.calibrated else 0.0
        pixels = max(math.prod(shape[:2]), math.prod(result[:2]))
        return Price(math.prod(result), seconds, pixels)
