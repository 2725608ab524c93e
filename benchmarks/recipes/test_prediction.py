"""What `Plan` predicts, beside what it then takes: every operation, and every format, on one core.

``pytest benchmarks/recipes --benchmark-only`` shows the table. The floor is a factor of 1.5 either way, on a
machine on which nothing else runs; shown, not asserted.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import imgsvc
from benchmarks.disturbance import Disturbance
from benchmarks.recipes.conftest import Predicted
from imgsvc._stop import Stop
from imgsvc.codec import encode, formats
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.prediction import Prediction
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.running import OneCore, Work
from imgsvc.recipes.source import ImageFile, RawImage
from imgsvc.wire.process import draft_response
from tests.operations.every import EXAMPLES

if TYPE_CHECKING:
    from imgsvc.recipes.source import Source

ROUNDS = 5
SHAPES = {
    "640x480 RGB": (480, 640, 3),
    "640x480 gray": (480, 640),
    "4000x3000 RGB": (3000, 4000, 3),
    "4000x3000 gray": (3000, 4000),
}
LIMITS = Limits()


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    """As the server makes it when it starts."""
    imgsvc.tune_allocator()
    prediction = Prediction()
    prediction.calibrate()
    return prediction


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("operation", EXAMPLES, ids=str)
def test_operation(
    benchmark: Any, prediction: Prediction, predicted: list[Predicted], name: str, operation: Any
) -> None:
    image = np.random.default_rng(1).integers(0, 256, SHAPES[name], np.uint8)
    source = RawImage(image.shape, image.dtype, image)
    recipe = Recipe(Pipeline(operation), (Output(RAW),))
    predicted.append(measured(benchmark, prediction, source, recipe, f"{name}: {Pipeline(operation)}"))


KINDS = [each.name for each in formats().values() if each.encodes and each.decodes]
each_size = pytest.mark.parametrize(
    "size", [(640, 480), (4000, 3000)], ids=lambda size: f"{size[0]}x{size[1]}"
)
each_format = pytest.mark.parametrize("kind", KINDS)


@each_size
@each_format
def test_decoding(
    benchmark: Any, prediction: Prediction, predicted: list[Predicted], kind: str, size: tuple[int, int]
) -> None:
    source = ImageFile(encode(photo(*size), kind))
    recipe = Recipe(Pipeline(), (Output(RAW),))
    predicted.append(measured(benchmark, prediction, source, recipe, f"{size[0]}x{size[1]}: from {kind}"))


@each_size
@each_format
def test_encoding(
    benchmark: Any, prediction: Prediction, predicted: list[Predicted], kind: str, size: tuple[int, int]
) -> None:
    pixels = photo(*size)
    source = RawImage(pixels.shape, pixels.dtype, pixels)
    recipe = Recipe(Pipeline(), (Output(kind),))
    predicted.append(measured(benchmark, prediction, source, recipe, f"{size[0]}x{size[1]}: to {kind}"))


def measured(benchmark: Any, prediction: Prediction, source: Source, recipe: Recipe, work: str) -> Predicted:
    """Run a recipe some times, as the server does but for cores and messages of requests."""

    def run() -> None:
        plan = plan_recipe(source, recipe, LIMITS)
        job = Work(plan, source, options=recipe.decoding, limits=LIMITS, compute=OneCore(), stop=Stop())
        draft, rooms = draft_response(job.run())  # type: ignore[arg-type]  # no output fails here
        job.write(rooms)
        draft.finish()

    seconds: list[float] = []

    def one_round() -> None:
        start = time.process_time()  # cores' time: AVIF's encoder takes two where it finds them
        run()
        seconds.append(time.process_time() - start)

    disturbance = Disturbance()
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    milliseconds = prediction.milliseconds(plan_recipe(source, recipe, LIMITS))
    result = Predicted(work, milliseconds, 1e3 * statistics.median(seconds[1:]), disturbance.cpus())
    benchmark.extra_info.update(vars(result), factor=result.factor)
    return result


def photo(width: int, height: int) -> Any:
    """Return an image that is as hard to encode as a photo is: soft shapes, and a little noise."""
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (height // 24 + 1, width // 24 + 1, 3), np.uint8)
    soft = imgsvc.resize(coarse, width=width, height=height, resample="bicubic").astype(np.int16)
    return (soft + rng.integers(-5, 6, soft.shape, np.int16)).clip(0, 255).astype(np.uint8)
