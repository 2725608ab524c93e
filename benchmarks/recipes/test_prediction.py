"""What `Plan` predicts, beside what it then takes: every operation, and every format, on one core.

``pytest benchmarks/recipes --benchmark-only`` shows the table. The floor is a factor of 1.5 either way, which
operations have to keep with ``--floors`` where nothing else runs on the machine. Of formats, whose time
depends on the image, it is shown.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import imgsvc
from benchmarks.disturbance import Disturbance
from benchmarks.recipes.conftest import Predicted
from imgsvc._stop import Stop
from imgsvc.codec import EncodeOptions, encode, formats
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.prediction import Prediction
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.running import OneCore, RecipeRun
from imgsvc.recipes.source import ImageFile, RawImage
from imgsvc.wire.process import draft_response
from tests.operations.every import EXAMPLES

if TYPE_CHECKING:
    from benchmarks.floor import Judge
    from imgsvc.recipes.source import Source

ROUNDS, SMALL_ROUNDS, SMALL_PIXELS = 5, 25, 1 << 20
"""Small images take so little that some rounds are disturbed by anything."""

ATTEMPTS, QUIET_CPUS = 3, 0.1
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
    benchmark: Any,
    *,
    prediction: Prediction,
    predicted: list[Predicted],
    judge: Judge,
    name: str,
    operation: Any,
) -> None:
    image = np.random.default_rng(1).integers(0, 256, SHAPES[name], np.uint8)
    source = RawImage(image.shape, image.dtype, image)
    recipe = Recipe(Pipeline(operation), (Output(RAW),))
    row = measured(benchmark, prediction, source, recipe, f"{name}: {Pipeline(operation)}")
    predicted.append(row)
    is_quiet = row.others_cpus is not None and row.others_cpus <= QUIET_CPUS
    judge(f"{row.work}: {row.factor:.2f} times as long as predicted", met=row.is_met or not is_quiet)


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


EFFORTS = [
    *(Output("webp", effort=effort) for effort in (0, 6, 9)),
    *(Output("webp", effort=effort, lossless=True) for effort in (0, 3, 8)),
    *(Output("png", effort=effort) for effort in (0, 1, 6, 9)),
    *(Output("avif", effort=effort) for effort in (0, 3, 5)),
    *(Output("jpeg", effort=effort) for effort in (0, 9)),
    Output("jpeg", progressive=True),
    Output("tiff", effort=0),
]


@pytest.mark.parametrize("output", EFFORTS, ids=str)
def test_effort(benchmark: Any, prediction: Prediction, predicted: list[Predicted], output: Output) -> None:
    pixels = photo(640, 480)
    source = RawImage(pixels.shape, pixels.dtype, pixels)
    options = f"effort {output.effort}{' lossless' * output.lossless}{' progressive' * output.progressive}"
    work = f"640x480: to {output.format}, {options}"
    predicted.append(measured(benchmark, prediction, source, Recipe(Pipeline(), (output,)), work))


def test_decoding_progressive(benchmark: Any, prediction: Prediction, predicted: list[Predicted]) -> None:
    source = ImageFile(encode(photo(4000, 3000), "jpeg", EncodeOptions(progressive=True)))
    recipe = Recipe(Pipeline(), (Output(RAW),))
    predicted.append(measured(benchmark, prediction, source, recipe, "4000x3000: from progressive jpeg"))


@pytest.mark.parametrize("way", ["gray to", "gray from", "RGBA to", "RGBA from"])
@each_format
def test_channels(
    benchmark: Any,
    prediction: Prediction,
    predicted: list[Predicted],
    kind: str,
    way: str,
) -> None:
    pixels = photo(640, 480)
    pixels = (
        pixels[..., 0].copy() if way.startswith("gray") else np.dstack([pixels, 200 + pixels[..., 0] // 8])
    )
    source: Source = RawImage(pixels.shape, pixels.dtype, pixels)
    if way.endswith("from"):
        source = ImageFile(encode(pixels, kind))
    recipe = Recipe(Pipeline(), (Output(kind if way.endswith("to") else RAW),))
    predicted.append(measured(benchmark, prediction, source, recipe, f"640x480: {way} {kind}"))


@pytest.mark.parametrize("share", [2, 4, 8])
def test_decoding_smaller(
    benchmark: Any, prediction: Prediction, predicted: list[Predicted], share: int
) -> None:
    source = ImageFile(encode(photo(4000, 3000), "jpeg"))
    recipe = Recipe(Pipeline(f"resize width={2000 // share} resample=box"), (Output(RAW),))
    work = f"4000x3000: from jpeg at 1/{share}, resized"
    predicted.append(measured(benchmark, prediction, source, recipe, work))


def measured(benchmark: Any, prediction: Prediction, source: Source, recipe: Recipe, work: str) -> Predicted:
    """Run a recipe some times, as the server does but for cores and messages; again where it missed."""

    def run() -> None:
        plan = plan_recipe(source, recipe, LIMITS)
        job = RecipeRun(plan, source, options=recipe.decoding, limits=LIMITS, compute=OneCore(), stop=Stop())
        draft, rooms = draft_response(job.run())  # type: ignore[arg-type]  # no output fails here
        job.write(rooms)
        draft.finish()

    seconds: list[float] = []

    def one_round() -> None:
        start = time.process_time()  # cores' time: AVIF's encoder takes two where it finds them
        run()
        seconds.append(time.process_time() - start)

    plan = plan_recipe(source, recipe, LIMITS)
    small = math.prod(plan.input.shape[:2]) < SMALL_PIXELS
    file_bytes = source.num_bytes if isinstance(source, ImageFile) else 0
    milliseconds = prediction.milliseconds(plan, file_bytes)
    rows = []
    disturbance = Disturbance()
    benchmark.pedantic(one_round, rounds=SMALL_ROUNDS if small else ROUNDS, warmup_rounds=1)
    for _ in range(ATTEMPTS):
        measured = 1e3 * statistics.median(seconds[1:])
        rows.append(Predicted(work, milliseconds, measured, disturbance.cpus()))
        if rows[-1].is_met:
            break
        disturbance, seconds[:] = Disturbance(), []
        for _ in range(ROUNDS + 1):
            one_round()
    result = min(rows, key=lambda row: abs(math.log(row.factor)))
    benchmark.extra_info.update(vars(result), factor=result.factor)
    return result


def photo(width: int, height: int) -> Any:
    """Return an image that is as hard to encode as a photo is: soft shapes, and a little noise."""
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (height // 24 + 1, width // 24 + 1, 3), np.uint8)
    soft = imgsvc.resize(coarse, width=width, height=height, resample="bicubic").astype(np.int16)
    return (soft + rng.integers(-5, 6, soft.shape, np.int16)).clip(0, 255).astype(np.uint8)
