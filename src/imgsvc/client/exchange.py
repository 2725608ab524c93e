"""What both clients send and read: requests from what a caller gives, results from answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from imgsvc._images import check_image
from imgsvc.client.failures import broken_answer, status_error
from imgsvc.client.given import copy_pixels, read_given
from imgsvc.client.result import Result
from imgsvc.codec import DecodeOptions
from imgsvc.errors import InvalidInputError, InvalidParameterError, shown
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.results import FailedResult, RawResult
from imgsvc.recipes.source import ImageFile
from imgsvc.wire.process import draft_request, plan_request, read_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    from numpy.typing import NDArray

    from imgsvc._images import Image, Shape
    from imgsvc.client.given import Given, ImageLike
    from imgsvc.errors import ServiceError
    from imgsvc.operations import Operation
    from imgsvc.recipes import results
    from imgsvc.recipes.recipe import OutputFormat

    T = TypeVar("T")
    PipelineLike = Pipeline | str | Operation | Iterable[Any]

__all__ = [
    "make_recipe",
    "operation_recipe",
    "pixels_of",
    "plan_bodies",
    "read",
    "request_body",
    "result_of",
    "results_by_name",
    "single_result",
]

PLANNED_BYTES = 1 << 18
"""Of a file, which nearly always are enough to plan with."""


def make_recipe(
    pipeline: PipelineLike | None,
    outputs: Output | OutputFormat | Mapping[str, Output | OutputFormat] | None,
    decoding: DecodeOptions | None,
    preset: str,
) -> Recipe:
    """Return what a caller wants done.

    Raises
    ------
    InvalidParameterError
        One of these is not what it should be.
    """
    if not isinstance(preset, str):
        raise InvalidParameterError("preset", shown(preset), "a name")
    if decoding is not None and not isinstance(decoding, DecodeOptions):
        raise InvalidParameterError("decoding", shown(decoding), "imgsvc.codec.DecodeOptions")
    steps = pipeline if isinstance(pipeline, Pipeline) else Pipeline(() if pipeline is None else pipeline)
    return Recipe(steps, _outputs(outputs), decoding or DecodeOptions(), preset)


def _outputs(given: object) -> tuple[Output, ...]:
    if given is None:
        return (Output(),)
    if isinstance(given, str):
        return (Output(given),)  # type: ignore[arg-type] # it is checked there
    if isinstance(given, Output):
        return (given,)
    if isinstance(given, dict) and all(isinstance(name, str) for name in given):
        return tuple(_named(name, output) for name, output in given.items())
    raise InvalidParameterError("output", shown(given), "a format, an imgsvc.Output, or a dict of these")


def _named(name: str, given: object) -> Output:
    output = Output(given) if isinstance(given, str) else given  # type: ignore[arg-type] # it is checked there
    if not isinstance(output, Output):
        raise InvalidParameterError(f"outputs[{name!r}]", shown(given), "a format or an imgsvc.Output")
    fields = {field: getattr(output, field) for field in output.__dataclass_fields__}
    return Output(**{**fields, "name": name})


def operation_recipe(operation: Operation) -> Recipe:
    """Return the recipe of an operation whose result is pixels."""
    return Recipe(Pipeline(operation), (Output(RAW),))


def request_body(given: Given, recipe: Recipe) -> bytes:
    """Return a `ProcessRequest`, with the pixels in it."""
    draft, room = draft_request(given.source, recipe)
    if room is not None and given.pixels is not None:
        copy_pixels(given.pixels, room)
    return draft.finish()


def plan_bodies(image: ImageLike, recipe: Recipe) -> list[bytes]:
    """Return `PlanRequest`s: of a large file with its beginning first, and then with all of it.

    Only with all of it where all frames count: these may be anywhere.
    """
    source = read_given(image).source
    bodies = []
    if (
        isinstance(source, ImageFile)
        and len(source.data) > PLANNED_BYTES
        and recipe.decoding.frames == "first"
    ):
        bodies.append(plan_request(ImageFile(source.data[:PLANNED_BYTES]), recipe, len(source.data)))
    return [*bodies, plan_request(source, recipe)]


def read(reader: Callable[[bytes], T], body: bytes) -> T:
    """Return what `reader` makes of an answer.

    Raises
    ------
    ServiceError
        It is no such answer.
    """
    try:
        return reader(body)
    except (DecodeError, InvalidInputError) as error:
        raise broken_answer(error) from error


def results_by_name(body: bytes) -> dict[str, Result | ServiceError]:
    """Return the results in a `ProcessResponse`."""
    return {each.name: result_of(each) for each in read(read_response, body)}


def single_result(found: Sequence[results.Result]) -> Result | ServiceError:
    """Return the one result that was asked for."""
    return result_of(found[0]) if len(found) == 1 else broken_answer(f"{len(found)} results instead of 1")


def result_of(result: results.Result) -> Result | ServiceError:
    """Return a result as callers get it."""
    if isinstance(result, FailedResult):
        return status_error(result.code, result.message, result.field)
    if isinstance(result, RawResult):
        height, width = result.shape[:2]
        pixels, profile = result.pixels, result.icc_profile
        return Result(result.name, RAW, width, height, None, result.notes, pixels, profile)
    data = memoryview(result.data).toreadonly()
    return Result(result.name, result.format or "", result.width, result.height, data, result.notes)


def pixels_of(body: bytes, shape: Shape) -> NDArray[Any]:
    """Return the pixels in a `ProcessResponse` that must be of that shape."""
    result = single_result(read(read_response, body))
    if not isinstance(result, Result):
        raise result
    if (
        result.pixels is None
        or result.pixels.size != math.prod(shape)
        or result.pixels.shape[:2] != shape[:2]
    ):
        got = result.format if result.pixels is None else f"of shape {result.pixels.shape}"
        raise broken_answer(f"it is {got}, expected shape {shape}")
    return result.pixels.reshape(shape)


def check_operand(image: Image, operation: Operation) -> Given:
    """Return an array as the service takes it, if the operation can be applied to it."""
    given = read_given(check_image(image, deep=operation.deep))
    operation.output_shape(image.shape)
    operation.output_dtype(image.dtype)
    return given
