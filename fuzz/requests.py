"""Requests of imgsvc.v1, from their bytes to what was planned, and run where that is little."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError

from fuzz.target import Target
from imgsvc._stop import Stop
from imgsvc.cache.key import recipe_key
from imgsvc.errors import InvalidInputError
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.prediction import Prediction
from imgsvc.recipes.results import RawResult
from imgsvc.recipes.running import OneCore, RecipeRun
from imgsvc.server.image_service import Processing, ProcessMethod
from imgsvc.server.overload.price import Pricing
from imgsvc.v1 import image_pb2, image_service_pb2, recipe_pb2
from imgsvc.wire.image import read_source
from imgsvc.wire.operations import operation_message
from imgsvc.wire.process import (
    BATCH_REQUEST,
    PLAN_REQUEST,
    PROCESS_REQUEST,
    draft_response,
    read_response,
)
from imgsvc.wire.recipe import read_recipe, recipe_message
from tests.codec.encoded import every_kind
from tests.operations.every import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imgsvc.recipes.planning import RecipePlan
    from imgsvc.recipes.recipe import Recipe
    from imgsvc.recipes.source import Source
    from imgsvc.server.prepared import Prepared

__all__ = ["BATCHES", "PIPELINES", "REQUESTS", "batches", "images", "process_requests"]

LIMITS = Limits(pixels=1 << 14, frames=4)
# Frames of an image: so many pixels of four floats, in each result and in two buffers.
MOST_BYTES = LIMITS.pixels * 16 * (3 + 17) + (64 << 20)
RUN_BYTES, RUN_COST = 4 << 20, 64 << 20
TEXTS = (
    "mean | rotate90 1 | resize width=12 resample=lanczos | sharpen",
    "convolve [[-1,0,1],[-2,0,2],[-1,0,1]] bias=128 border='wrap'",
    "pad left=3 fill=7 | crop left=1 top=1 width=4 height=4 | convert float32",
    "convert float32 | pad top=1 fill=0.5 | rotate90 1 | resize width=5 resample=nearest",
)


def check_text(data: bytes) -> None:
    """Read a pipeline's text, write it again, plan it, and run it on a small image."""
    text = data.decode("utf-8", "replace")
    try:
        pipeline = Pipeline(text)
    except InvalidInputError:
        return
    assert Pipeline(str(pipeline)) == pipeline
    assert Pipeline.from_json(pipeline.to_json()) == pipeline
    image = np.arange(9 * 7 * 3, dtype=np.uint8).reshape(9, 7, 3)
    with contextlib.suppress(InvalidInputError):
        plan = pipeline.plan(image.shape)
        if plan.buffer_bytes + plan.scratch_bytes(1) < RUN_BYTES and plan.cost < RUN_COST:
            result = pipeline.run(image, num_threads=1)
            assert (result.shape, result.dtype) == (plan.shape, plan.dtype)


def check_request(data: bytes) -> None:
    """Read a request as `Process` and `Plan` do."""
    for request, without_pixels in ((PLAN_REQUEST, True), (PROCESS_REQUEST, False)):
        with contextlib.suppress(DecodeError, InvalidInputError):
            opened = request.open(data)
            message = opened.message
            source = read_source(message.image, opened.payload, "image", without_pixels=without_pixels)
            check_plan(source, read_recipe(message.recipe, {}), run=not without_pixels)
    check_prepared(data)


def check_prepared(data: bytes) -> None:
    """Prepare a request: what was kept of others makes no difference, nor that it is found."""
    fresh = _prepared(_process().prepare, data)
    assert _prepared(PROCESS.prepare, data) == fresh
    found = PROCESS.find(data)
    assert found is None or _said(found) == fresh


def _prepared(prepare: Callable[[bytes], Prepared], data: bytes) -> tuple[Any, ...]:
    try:
        return _said(prepare(data))
    except (DecodeError, InvalidInputError) as error:
        return type(error), str(error)


def _said(prepared: Prepared) -> tuple[Any, ...]:
    return prepared.price, prepared.num_bytes, prepared.answer_bytes, prepared.cache_key("")


def _process() -> ProcessMethod:
    return ProcessMethod(Processing(LIMITS, {}, Pricing(Prediction())))


def check_batch(data: bytes) -> None:
    """Read a message of a batch, each item by itself."""
    try:
        opened = BATCH_REQUEST.open(data)
    except (DecodeError, InvalidInputError):
        return
    message = opened.message
    for item in message.items[:4]:
        with contextlib.suppress(InvalidInputError):
            recipe = item.recipe if item.HasField("recipe") else message.recipe
            source = read_source(item.image, opened.payload, "image")
            check_plan(source, read_recipe(recipe, {}), run=True)


def check_plan(source: Source, recipe: Recipe, *, run: bool) -> None:
    """Plan a recipe; it is the same when it is written and read again, and the plan is kept."""
    again = read_recipe(recipe_message(recipe), {})
    assert again == recipe
    plan = plan_recipe(source, recipe, LIMITS)
    assert plan.num_bytes <= MOST_BYTES, plan.num_bytes
    if run and not any(output.error for output in plan.outputs):
        assert recipe_key(plan, source, "") == recipe_key(plan_recipe(source, again, LIMITS), source, "")
    if run and plan.num_bytes < RUN_BYTES and plan.cost < RUN_COST:
        run_plan(plan, source, recipe)


def run_plan(plan: RecipePlan, source: Source, recipe: Recipe) -> None:
    """Run it, and read the answer as a client does."""
    work = RecipeRun(plan, source, options=recipe.decoding, limits=LIMITS, compute=OneCore(), stop=Stop())
    results = [made for made in work.run() if not isinstance(made, InvalidInputError)]
    answer, rooms = draft_response(results)
    work.write(rooms)
    for sent, received in zip(results, read_response(answer.finish()), strict=True):
        assert type(sent) is type(received)
        if isinstance(sent, RawResult) and isinstance(received, RawResult):
            assert (sent.shape, sent.dtype) == (received.shape, received.dtype)


def images() -> Iterable[image_pb2.Image]:
    """Return images, as pixels and as files."""
    for dtype, number in ((np.uint8, 1), (np.uint16, 2), (np.float32, 3)):
        pixels = np.arange(5 * 4 * 3).astype(dtype)
        yield image_pb2.Image(
            pixels=image_pb2.Pixels(width=4, height=5, channels=3, dtype=number, data=pixels.tobytes())
        )
    for data in every_kind(5, 4).values():
        yield image_pb2.Image(encoded=image_pb2.EncodedImage(data=data))


def recipes() -> Iterable[recipe_pb2.Recipe]:
    """Return recipes with each operation, each format and each option."""
    for text in TEXTS:
        yield recipe_pb2.Recipe(text=text)
    for operation in EXAMPLES:
        yield recipe_pb2.Recipe(operations=[operation_message(operation)])
    for number in image_pb2.Format.values():
        encoding = recipe_pb2.Encoding(format=number, quality=50, effort=1, metadata=1, background=[1, 2, 3])
        outputs = [
            recipe_pb2.Output(name="a", encoding=encoding, text="resize width=2"),
            recipe_pb2.Output(name="b", encoding=recipe_pb2.Encoding(format=number, max_bytes=500)),
        ]
        decoding = recipe_pb2.Decoding(depth=1, colors=1, frames=2, shrink_on_load=False)
        yield recipe_pb2.Recipe(outputs=outputs, decoding=decoding)


def _pairs() -> Iterable[tuple[image_pb2.Image, recipe_pb2.Recipe]]:
    first = next(iter(images()))
    every = list(recipes())
    yield from ((first, recipe) for recipe in every)
    yield from ((image, every[0]) for image in images())


def process_requests() -> Iterable[bytes]:
    """Return requests of `Process`."""
    for image, recipe in _pairs():
        yield image_service_pb2.ProcessRequest(image=image, recipe=recipe).SerializeToString()


def batches() -> Iterable[bytes]:
    """Return messages of `ProcessBatch`."""
    for image, recipe in _pairs():
        items = [
            image_service_pb2.BatchItem(id="1", image=image),
            image_service_pb2.BatchItem(id="2", image=image, recipe=recipe),
        ]
        yield image_service_pb2.ProcessBatchRequest(recipe=recipe, items=items).SerializeToString()


def _texts() -> Iterable[bytes]:
    yield from (text.encode() for text in TEXTS)
    yield from (str(Pipeline([operation])).encode() for operation in EXAMPLES)


PIPELINES = Target("pipelines", check_text, _texts)
PROCESS = _process()
REQUESTS = Target("requests", check_request, process_requests)
BATCHES = Target("batches", check_batch, batches)
