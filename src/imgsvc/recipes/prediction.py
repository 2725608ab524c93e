"""How long a recipe will take, from what its parts took on this machine.

Operations know what their cost depends on. What a unit of it takes is measured for each, in an image that
fits into a cache and in one that does not, gray and in colour. Codecs are measured by the pixel.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imgsvc._stop import Stop
from imgsvc.codec import Decoded, EncodeOptions, decode, encode, formats
from imgsvc.operations import OPERATIONS, Operation, Resize
from imgsvc.recipes.recipe import RAW

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from imgsvc._images import Shape
    from imgsvc.recipes.planning import OutputPlan, RecipePlan

__all__ = ["Prediction"]

SAMPLES: dict[str, dict[str, Any]] = {
    "adjust": {"contrast": 1.5},
    "box_blur": {"radius": 5},
    "convolve": {"weights": tuple(tuple(float(x * y % 7 - 3) for x in range(5)) for y in range(5))},
    "crop": {"left": 10, "top": 10, "width": 300, "height": 200},
    "flip": {"axis": 1},
    "gamma": {"gamma": 1.5},
    "gaussian_blur": {"sigma": 2.0},
    "lut": {"table": bytes(range(256))},
    "pad": {"left": 8, "top": 8, "right": 8, "bottom": 8},
    "resize": {"width": 320, "height": 240},
    "threshold": {"level": 100},
}
"""What is measured of an operation whose parameters have no defaults."""

SIZES = ((240, 320), (1500, 2000))
ROUNDS = 2
CODEC_SIZE = (192, 256)
SLOW = {"gif": 2}
"""Formats whose picture has so many times fewer pixels a side: finding 256 colours takes long."""

CALL_SECONDS = 20e-6
"""Of Python, for a step."""

SHRUNK_SHARE = 0.5
"""Of the time to decode a JPEG, what does not become less when it is decoded smaller."""


class Rate(NamedTuple):
    """Seconds for a unit of cost, in a small image and in a large one, and how large these are."""

    small: float
    large: float
    small_bytes: int
    large_bytes: int

    def at(self, num_bytes: int) -> float:
        """Return the rate for images of some size, in between by its logarithm."""
        span = math.log(self.large_bytes / self.small_bytes)
        share = math.log(max(num_bytes, 1) / self.small_bytes) / span
        share = min(max(share, 0.0), 1.0)
        return self.small + share * (self.large - self.small)


class Prediction:
    """Predicts times; measures what it needs when it is first asked, which takes some tenths of a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rates: dict[tuple[str, bool], Rate] = {}
        self._codecs: dict[tuple[str, str], float] = {}

    def calibrate(self) -> None:
        """Measure, unless that has been done."""
        with self._lock:
            if not self._rates:
                self._codecs = _codec_rates()
                self._rates = _operation_rates()

    def milliseconds(self, plan: RecipePlan) -> float:
        """Return how long one core will take for all of a plan."""
        self.calibrate()
        seconds = self._decoding(plan)
        if plan.trunk is not None:
            seconds += plan.input.frames * self._steps(plan.trunk)
        return 1e3 * seconds + sum(self.output_milliseconds(plan, output) for output in plan.outputs)

    def output_milliseconds(self, plan: RecipePlan, output: OutputPlan) -> float:
        """Return how long one core will take for one output, after what is done for all."""
        self.calibrate()
        if output.steps is None:
            return 0.0
        seconds = self._steps(output.steps)
        if output.format != RAW:
            pixels = math.prod(output.steps.shape[:2])
            seconds += self._codecs.get((output.format, "encode"), 0.0) * pixels
        return 1e3 * plan.input.frames * seconds

    def _decoding(self, plan: RecipePlan) -> float:
        header = plan.input.header
        if header is None:
            return 0.0
        full, decoded = header.width * header.height, math.prod(plan.input.shape[:2])
        rate = self._codecs.get((header.format, "decode"), 0.0)
        return rate * plan.input.frames * (SHRUNK_SHARE * full + (1 - SHRUNK_SHARE) * decoded)

    def _steps(self, plan: Any) -> float:
        return sum(self._step(step.operation, step.src_shape) for step in plan.steps)

    def _step(self, operation: Operation, shape: Shape) -> float:
        num_bytes = math.prod(shape)
        gray = num_bytes == math.prod(shape[:2])
        rate = self._rates.get((operation.name, gray)) or self._rates["rotate90", gray]
        return CALL_SECONDS + rate.at(num_bytes) * operation.cost(shape)


def _operation_rates() -> dict[tuple[str, bool], Rate]:
    rates = {}
    for channels in (1, 3):
        small, large = (_noise((*size, channels)) for size in SIZES)
        for name, kind in OPERATIONS.items():
            operation = kind(**SAMPLES.get(name, {}))
            units = [_seconds_a_unit(operation, image) for image in (small, large)]
            rates[name, channels == 1] = Rate(units[0], units[1], small.size, large.size)
    return rates


def _seconds_a_unit(operation: Operation, image: NDArray[np.uint8]) -> float:
    result = np.zeros(operation.output_shape(image.shape), np.uint8)
    run = functools.partial(operation.compute, image, result, 1, Stop())
    return max(_fastest(run) - CALL_SECONDS / 2, 1e-9) / max(operation.cost(image.shape), 1)


def _fastest(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _codec_rates() -> dict[tuple[str, str], float]:
    """Return seconds a pixel, for each format and direction."""
    rates = {}
    whole = _picture((*CODEC_SIZE, 3))
    for name, info in formats().items():
        if not (info.encodes and info.decodes):
            continue
        factor = SLOW.get(name, 1)
        picture = np.ascontiguousarray(whole[: len(whole) // factor, : whole.shape[1] // factor])
        pixels = math.prod(picture.shape[:2])
        start = time.perf_counter()
        data = encode(Decoded((picture,)), name, EncodeOptions())
        encoded = time.perf_counter()
        decode(data)
        rates[name, "encode"] = (encoded - start) / pixels
        rates[name, "decode"] = (time.perf_counter() - encoded) / pixels
    return rates


def _noise(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an image for operations, which take as long for any."""
    return np.resize(np.random.default_rng(1).integers(0, 256, 4093, np.uint8), shape)


def _picture(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an image that is as hard to encode as a photo: soft shapes, and a little noise."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (shape[0] // 16 + 1, shape[1] // 16 + 1, shape[2]), np.uint8)
    resize = Resize(width=shape[1], height=shape[0], resample="bicubic")
    soft = resize(coarse).astype(np.int16).reshape(shape)
    noisy = soft + rng.integers(-6, 7, shape, np.int16)
    picture: NDArray[np.uint8] = noisy.clip(0, 255).astype(np.uint8)
    return picture
