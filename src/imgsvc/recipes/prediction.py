"""How long a recipe will take, from what its parts took on this machine.

Operations know what their cost depends on, and which routine works on an image; what a unit of cost takes is
measured for each. Codecs are measured with RGB and defaults; what else makes of that is known beforehand.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

from imgsvc._images import GRAY_RANK, UINT8
from imgsvc.operations import MeanFilter
from imgsvc.recipes.codec_costs import CodecCost, codec_costs, conversion_cost, shrunk_share
from imgsvc.recipes.codec_factors import byte_factor, decoder_factor, encoder_factor, scans_factor
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.routine_rates import Rate, fixed_seconds, routine_rates

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._images import Shape
    from imgsvc.codec import Header
    from imgsvc.operations import Operation
    from imgsvc.pipeline import Plan
    from imgsvc.recipes.description import DescriptionPlan
    from imgsvc.recipes.planning import InputPlan, OutputPlan, RecipePlan

__all__ = ["Prediction"]

CALL_SECONDS = 10e-6
"""Of Python, for each step but the first."""

FIXED_SHARE = 2.5
"""What a request takes by itself, in what its plan and its work take: messages come on top."""

PART_SECONDS = 6e-6
"""Of Pillow, for each strip or tile of a TIFF."""

NOTHING = CodecCost(0.0, 0.0)

ROUTINE = MeanFilter.name
"""Of what computes and is no operation."""


class Prediction:
    """Predicts times; measures what it needs when it is first asked, which takes some tenths of a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rates: dict[tuple[str, bool], Rate] = {}
        self._codecs: dict[tuple[str, str], CodecCost] = {}
        self._shrunk_share = 1.0
        self._conversion = 0.0
        self._fixed = 0.0

    def calibrate(self) -> None:
        """Measure, unless that has been done."""
        if self._rates:
            return
        with self._lock:
            if not self._rates:
                self._fixed = FIXED_SHARE * fixed_seconds()
                self._codecs = codec_costs()
                self._conversion = conversion_cost()
                self._shrunk_share = shrunk_share(self._codecs["jpeg", "decode"])
                self._rates = routine_rates()  # the last: it says that all is there

    @property
    def calibrated(self) -> bool:
        """Whether a prediction can be had at once."""
        return bool(self._rates)

    @property
    def fixed_seconds(self) -> float:
        """What a request takes by itself, and what `milliseconds` so says at least."""
        return self._fixed

    def operation_seconds(self, operation: Operation, shape: Shape) -> float:
        """Return how long one core will take for a request of one operation, on an image of 8 bits."""
        self.calibrate()
        return self._fixed + self._work(operation.routine(shape, UINT8), operation.cost(shape), shape, UINT8)

    def milliseconds(self, plan: RecipePlan, file_bytes: int = 0) -> float:
        """Return how long one core will take for all of a plan, in some microseconds itself.

        Parameters
        ----------
        file_bytes
            Of the image's file.
        """
        self.calibrate()
        seconds = self._fixed + self._decoding(plan.input) + self.byte_seconds(plan.input) * file_bytes
        if plan.trunk is not None and not plan.trunk.copies:
            seconds += plan.input.frames * self._steps(plan.trunk)
        return 1e3 * (seconds + sum([self._output(plan, output) for output in plan.outputs]))

    def output_milliseconds(self, plan: RecipePlan, output: OutputPlan) -> float:
        """Return how long one core will take for one output, after what is done for all."""
        self.calibrate()
        return 1e3 * self._output(plan, output)

    def description_seconds(self, plan: DescriptionPlan) -> float:
        """Return how long one core will take to describe an image, beside what the bytes of its file add."""
        self.calibrate()
        whole = plan.input
        return self._fixed + self._decoding(whole) + self._work(ROUTINE, plan.cost, whole.shape, UINT8)

    def byte_seconds(self, whole: InputPlan) -> float:
        """Return how much longer it takes for each byte of the image's file."""
        header = whole.header
        if header is None or _is_of_first(whole):
            return 0.0
        return self._a_byte(whole, header)

    def _a_byte(self, whole: InputPlan, header: Header) -> float:
        return self._attempts(whole) * self._decoder(header).a_byte * byte_factor(header)

    def _attempts(self, whole: InputPlan) -> int:
        """Return how often a file may be decoded: once more where it is damaged and a part of it will do."""
        return 2 if whole.decoding.damaged == "partial" else 1

    def _decoder(self, header: Header) -> CodecCost:
        return self._codecs.get((header.format, "decode"), NOTHING)

    def _output(self, plan: RecipePlan, output: OutputPlan) -> float:
        steps = output.steps
        if steps is None:
            return 0.0
        if output.format == RAW:
            return self._steps(steps)
        seconds = 0.0 if steps.copies else self._steps(steps)
        cost = self._codecs.get((output.format, "encode"), NOTHING)
        pixels = steps.shape[0] * steps.shape[1]
        factor = encoder_factor(output.format, output.output, steps.shape, steps.dtype)
        seconds += cost.seconds(pixels) * factor
        return plan.input.frames * seconds

    def _decoding(self, whole: InputPlan) -> float:
        header = whole.header
        if header is None:
            return 0.0
        pixels = float(header.most_pixels)
        decoded = math.prod(whole.shape[:2])
        if whole.at_least is not None:
            pixels = self._shrunk_share * pixels + (1 - self._shrunk_share) * decoded
        deep = whole.dtype != UINT8
        cost = self._decoder(header)
        seconds = cost.seconds(pixels) * decoder_factor(header, deep=deep)
        seconds += cost.a_pixel * header.most_pixels * scans_factor(header) + PART_SECONDS * header.parts
        if whole.converts:
            seconds += self._conversion * decoded
        seconds *= whole.frames * self._attempts(whole)
        return seconds + (self._a_byte(whole, header) * header.first_bytes if _is_of_first(whole) else 0.0)

    def _steps(self, plan: Plan) -> float:
        seconds = CALL_SECONDS * (len(plan.steps) - 1)
        for step in plan.steps:
            seconds += self._work(step.routine, step.cost, step.src_shape, step.src_dtype)
        return seconds

    def _work(self, routine: str, cost: int, shape: Shape, dtype: np.dtype[Any]) -> float:
        is_gray = len(shape) == GRAY_RANK or shape[2] == 1
        rate = self._rates.get((routine, is_gray)) or self._rates["copy", is_gray]
        return rate.at(math.prod(shape) * dtype.itemsize) * cost


def _is_of_first(whole: InputPlan) -> bool:
    """Return whether only a part of the file is decoded whose bytes are known: its first frame."""
    return whole.header is not None and whole.frames == 1 and whole.header.first_bytes > 0
