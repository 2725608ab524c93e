"""How long a recipe will take, from what its parts took on this machine.

Operations know what their cost depends on. What a unit of it takes is measured for each, in an image that is
in a cache and in one that is not, gray and in colour. Codecs are measured by the image and by the pixel. What
a request takes by itself is measured with an image of a few pixels.
"""

from __future__ import annotations

import itertools
import math
import mmap
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imgsvc._stop import Stop
from imgsvc.codec import Decoded, EncodeOptions, decode, encode, formats
from imgsvc.operations import OPERATIONS, Operation, Resize
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.recipe import RAW, Recipe
from imgsvc.recipes.running import OneCore, Work
from imgsvc.recipes.source import RawImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from imgsvc._images import Shape
    from imgsvc.recipes.planning import OutputPlan, RecipePlan

__all__ = ["Prediction"]

SAMPLES: dict[str, dict[str, Any]] = {
    "adjust": {"contrast": 1.5},
    "box_blur": {"radius": 3},
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

SMALL, LARGE = (480, 640), (1000, 1500)
ROUNDS = 2
COPIES = 8
"""Of the large image, and of its result: caches do not hold so many of them."""

ROOM, HALF_PAGE = 1 << 18, 1 << 11
"""What a result of these may have beyond its image, and before it, in bytes."""

CODEC_SIZES = ((24, 32), (192, 256))
GIF_PER_PNG = 35.0
"""How many times as long as a PNG it takes to write GIF. Finding 256 colours takes too long to measure it."""

CALL_SECONDS = 10e-6
"""Of Python, for each step but the first."""

FIXED_SHARE = 2.0
"""What a request takes by itself, in what its plan and its work take: messages come on top."""

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


class CodecCost(NamedTuple):
    """Seconds for an image, and for each of its pixels."""

    an_image: float
    a_pixel: float

    def seconds(self, pixels: float) -> float:
        """Return what an image of so many pixels takes."""
        return self.an_image + self.a_pixel * pixels


NOTHING = CodecCost(0.0, 0.0)


class Prediction:
    """Predicts times; measures what it needs when it is first asked, which takes some tenths of a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rates: dict[tuple[str, bool], Rate] = {}
        self._codecs: dict[tuple[str, str], CodecCost] = {}
        self._fixed = 0.0

    def calibrate(self) -> None:
        """Measure, unless that has been done."""
        with self._lock:
            if not self._rates:
                self._fixed = FIXED_SHARE * _fixed_seconds()
                self._codecs = _codec_costs()
                self._rates = _operation_rates()

    @property
    def calibrated(self) -> bool:
        """Whether a prediction can be had at once."""
        return bool(self._rates)

    def operation_seconds(self, operation: Operation, shape: Shape) -> float:
        """Return how long one core will take for a request of one operation, on an image of 8 bits."""
        self.calibrate()
        return self._fixed + self._step(operation, shape)

    def milliseconds(self, plan: RecipePlan) -> float:
        """Return how long one core will take for all of a plan."""
        self.calibrate()
        seconds = self._fixed + self._decoding(plan)
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
            seconds += self._codecs.get((output.format, "encode"), NOTHING).seconds(pixels)
        return 1e3 * plan.input.frames * seconds

    def _decoding(self, plan: RecipePlan) -> float:
        header = plan.input.header
        if header is None:
            return 0.0
        full, decoded = header.width * header.height, math.prod(plan.input.shape[:2])
        cost = self._codecs.get((header.format, "decode"), NOTHING)
        return plan.input.frames * cost.seconds(SHRUNK_SHARE * full + (1 - SHRUNK_SHARE) * decoded)

    def _steps(self, plan: Any) -> float:
        steps = sum(self._step(step.operation, step.src_shape) for step in plan.steps)
        return steps + CALL_SECONDS * max(len(plan.steps) - 1, 0)

    def _step(self, operation: Operation, shape: Shape) -> float:
        num_bytes = math.prod(shape)
        gray = num_bytes == math.prod(shape[:2])
        rate = self._rates.get((operation.name, gray)) or self._rates["rotate90", gray]
        return rate.at(num_bytes) * operation.cost(shape)


def _fixed_seconds() -> float:
    """Return what a request takes of which nothing is computed."""
    source = RawImage((2, 2), np.dtype(np.uint8), np.zeros((2, 2), np.uint8))
    recipe, limits = Recipe(Pipeline("flip axis=0")), Limits()

    def run() -> None:
        plan = plan_recipe(source, recipe, limits)
        work = Work(plan, source, options=recipe.decoding, limits=limits, compute=OneCore(), stop=Stop())
        work.run()
        work.write([np.empty((2, 2), np.uint8)])

    return _fastest(run, 10)


def _operation_rates() -> dict[tuple[str, bool], Rate]:
    rates = {}
    for channels in (1, 3):
        small, large = _Images((*SMALL, channels), 1), _Images((*LARGE, channels), COPIES)
        for name, kind in OPERATIONS.items():
            operation = kind(**SAMPLES.get(name, {}))
            units = [images.seconds_a_unit(operation) for images in (small, large)]
            rates[name, channels == 1] = Rate(units[0], units[1], small.num_bytes, large.num_bytes)
    return rates


class _Images:
    """Copies of an image, and room for results of each: whoever uses them in turn finds them in no cache."""

    def __init__(self, shape: Shape, copies: int) -> None:
        self._shape = shape
        self.num_bytes = math.prod(shape)
        noise = np.resize(np.random.default_rng(1).integers(0, 256, 4093, np.uint8), self.num_bytes)
        # Not of the allocator, which would keep it.
        self._sources = [_memory(self.num_bytes) for _ in range(copies)]
        # Not as far into a page as their sources: loads would wait for stores that only look like theirs.
        self._results = [_memory(self.num_bytes + ROOM)[HALF_PAGE:] for _ in range(copies)]
        for source, result in zip(self._sources, self._results, strict=True):
            source[:] = noise
            result[:] = 0
        self._turn = itertools.cycle(range(copies))

    def seconds_a_unit(self, operation: Operation) -> float:
        """Return what a unit of an operation's cost takes."""
        shape = operation.output_shape(self._shape)

        def run() -> None:
            turn = next(self._turn)
            result = self._results[turn][: math.prod(shape)].reshape(shape)
            operation.compute(self._sources[turn].reshape(self._shape), result, 1, Stop())

        return _fastest(run, ROUNDS) / max(operation.cost(self._shape), 1)


def _memory(num_bytes: int) -> NDArray[np.uint8]:
    return np.frombuffer(mmap.mmap(-1, num_bytes), np.uint8)


def _fastest(run: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def _codec_costs() -> dict[tuple[str, str], CodecCost]:
    """Return what each format costs in each direction."""
    costs = {}
    for name, info in formats().items():
        if not (info.encodes and info.decodes):
            continue
        pictures = [_picture((*size, 3)) for size in CODEC_SIZES]
        if name == "gif":
            pictures = [np.ascontiguousarray(picture[:, :, 0]) for picture in pictures]
        decode(encode(pictures[0], name))  # loads what it needs
        times = [_codec_seconds(picture, name) for picture in pictures]
        pixels = [math.prod(picture.shape[:2]) for picture in pictures]
        for index, direction in enumerate(("encode", "decode")):
            few, many = (seconds[index] for seconds in times)
            a_pixel = max(many - few, 0.0) / (pixels[1] - pixels[0])
            costs[name, direction] = CodecCost(max(few - a_pixel * pixels[0], 0.0), a_pixel)
    costs["gif", "encode"] = CodecCost(*(GIF_PER_PNG * part for part in costs["png", "encode"]))
    return costs


def _codec_seconds(picture: NDArray[np.uint8], kind: str) -> tuple[float, float]:
    """Return what it takes to encode a picture, and to decode it."""
    start = time.perf_counter()
    data = encode(Decoded((picture,)), kind, EncodeOptions())
    encoded = time.perf_counter()
    decode(data)
    return encoded - start, time.perf_counter() - encoded


def _picture(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an image that is as hard to encode as a photo: soft shapes, and a little noise."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (shape[0] // 16 + 1, shape[1] // 16 + 1, shape[2]), np.uint8)
    resize = Resize(width=shape[1], height=shape[0], resample="bicubic")
    soft = resize(coarse).astype(np.int16).reshape(shape)
    noisy = soft + rng.integers(-6, 7, shape, np.int16)
    picture: NDArray[np.uint8] = noisy.clip(0, 255).astype(np.uint8)
    return picture
