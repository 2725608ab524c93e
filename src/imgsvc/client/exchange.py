"""What both clients send and read: requests of images and recipes, results from answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from imgsvc._images import check_image
from imgsvc.client.failures import broken_answer, status_error
from imgsvc.errors import InvalidInputError, InvalidParameterError, shown
from imgsvc.pipeline import Pipeline
from imgsvc.processing import result as processing
from imgsvc.processing.channel_axis import with_channel_axis
from imgsvc.processing.given import copy_pixels, read_given
from imgsvc.processing.result import Result
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.results import FailedResult
from imgsvc.recipes.source import ImageFile
from imgsvc.wire.description import draft_describe_request
from imgsvc.wire.process import draft_request, plan_request, read_response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from numpy.typing import NDArray

    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc.errors import ServiceError
    from imgsvc.operations import Operation
    from imgsvc.processing.given import Given
    from imgsvc.recipes import results

    T = TypeVar("T")

__all__ = [
    "check_gps",
    "describe_body",
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


def operation_recipe(operation: Operation) -> Recipe:
    """Return the recipe of an operation whose result is pixels."""
    return Recipe(Pipeline(operation), (Output(RAW),))


def request_body(given: Given, recipe: Recipe) -> bytes:
    """Return a `ProcessRequest`, with the pixels in it."""
    draft, room = draft_request(given.source, recipe)
    if room is not None and given.pixels is not None:
        copy_pixels(given.pixels, room)
    return draft.finish()


def describe_body(given: Given, *, gps: bool) -> bytes:
    """Return a `DescribeRequest`, with the pixels in it."""
    draft, room = draft_describe_request(given.source, gps=gps)
    if room is not None and given.pixels is not None:
        copy_pixels(given.pixels, room)
    return draft.finish()


def check_gps(gps: object) -> bool:
    """Return whether the place is asked for.

    Raises
    ------
    InvalidParameterError
        It is neither True nor False.
    """
    if not isinstance(gps, bool):
        raise InvalidParameterError("gps", shown(gps), "True or False")
    return gps


def plan_bodies(image: ImageLike, recipe: Recipe) -> list[bytes]:
    """Return `PlanRequest`s: of a large file with its beginning first, and then with all of it.

    Only with all of it where all frames count: these may be anywhere.
    """
    source = read_given(image).source
    bodies = []
    if isinstance(source, ImageFile) and len(source.data) > PLANNED_BYTES and recipe.decoding.frames != "all":
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


def results_by_name(body: bytes, given: Given, recipe: Recipe) -> dict[str, Result | ServiceError]:
    """Return the results in a `ProcessResponse` for an image."""
    found = read(read_response, body)
    return {each.name: with_channel_axis(result_of(each), given, recipe) for each in found}


def single_result(found: Sequence[results.Result], given: Given, recipe: Recipe) -> Result | ServiceError:
    """Return the one result that was asked for of an image."""
    return with_channel_axis(_only(found), given, recipe)


def _only(found: Sequence[results.Result]) -> Result | ServiceError:
    return result_of(found[0]) if len(found) == 1 else broken_answer(f"{len(found)} results instead of 1")


def result_of(result: results.Result) -> Result | ServiceError:
    """Return a result as callers get it."""
    if isinstance(result, FailedResult):
        return status_error(result.code, result.message, result.field)
    return processing.result_of(result)


def pixels_of(body: bytes, operation: Operation, image: Shape) -> NDArray[Any]:
    """Return the pixels in a `ProcessResponse` that are what an operation makes of an image of a shape."""
    result, shape = _only(read(read_response, body)), operation.output_shape(image)
    if not isinstance(result, Result):
        raise result
    if operation.at_most:  # the answer alone knows
        shape = (min(result.height, shape[0]), min(result.width, shape[1]), *shape[2:])
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
