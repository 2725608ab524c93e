"""What a recipe will do with an image, known before anything is allocated."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.codec import check_options, check_palette, formats, read_header, reduced_size
from imgsvc.errors import InvalidInputError, InvalidParameterError, LimitExceededError
from imgsvc.operations.by_size import BySize
from imgsvc.operations.placed import Placed
from imgsvc.pipeline import MAX_OPERATIONS, Pipeline
from imgsvc.recipes.codec_memory import decoder_bytes, encoder_bytes, file_copies
from imgsvc.recipes.limits import (
    check_decoded,
    check_frames,
    check_outputs,
    check_page,
    check_pipeline,
    check_size,
    check_steps,
)
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.source import ImageFile

if TYPE_CHECKING:
    from imgsvc._images import Shape
    from imgsvc.codec import DecodeOptions, Header
    from imgsvc.pipeline import Plan
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.recipe import Output, Recipe
    from imgsvc.recipes.source import Source

__all__ = [
    "InputPlan",
    "OutputPlan",
    "RecipePlan",
    "branches",
    "if_it_fits",
    "plan_again",
    "plan_input",
    "plan_recipe",
]

ROOM = 2
"""How many times as much memory is set aside where sizes depend on what is shown, which may be enlarged."""

LEAST_ROOM = 8 << 20
"""And how many bytes more: tables of a small image take more than its pixels."""

SHRINK_MARGIN = 2
"""A JPEG is decoded to no less than so many times what a resize makes of it: that hides how."""

DEEP: dict[int, np.dtype[Any]] = {16: np.dtype(np.uint16), 32: np.dtype(np.float32)}
UINT8 = np.dtype(np.uint8)


@dataclasses.dataclass(frozen=True)
class InputPlan:
    """The image as the pipelines get it: a JPEG may be decoded smaller than it is."""

    shape: Shape
    dtype: np.dtype[Any]
    frames: int
    header: Header | None
    """Of a file; None for pixels."""

    decoding: DecodeOptions
    """How a file is decoded."""

    at_least: tuple[int, int] | None = None
    """Width and height that a decoder need not go beyond; None where it is to give all pixels."""

    @property
    def format(self) -> str:
        """The format of its bytes."""
        return RAW if self.header is None else self.header.format

    @property
    def most_pixels(self) -> int:
        """The pixels of a frame that are decoded, or shown, if these are more."""
        return math.prod(self.shape[:2]) if self.header is None else self.header.most_pixels

    @property
    def converts(self) -> bool:
        """Whether the colours of the file's pixels are converted."""
        if self.header is None or self.decoding.color == "keep" or self.dtype != UINT8:
            return False
        return self.header.converted

    @property
    def decoded_bytes(self) -> int:
        """The pixels that a file becomes, all frames together; pixels are there already."""
        return 0 if self.header is None else self.frames * _size(self.shape, self.dtype)

    @property
    def decoder_bytes(self) -> int:
        """What its decoder takes beside these and the file while it works."""
        return 0 if self.header is None else decoder_bytes(self.header, self.shape, converted=self.converts)

    @property
    def file_copies(self) -> int:
        """How many copies of the image's file there are meanwhile."""
        return 0 if self.header is None else file_copies(self.header)


@dataclasses.dataclass(frozen=True)
class OutputPlan:
    """One output.

    Attributes
    ----------
    output : Output
        What was asked for.
    format : str
        What it will be.
    steps : Plan or None
        What is done after the trunk; None where it cannot be.
    error : InvalidInputError or None
        Why it cannot.
    """

    output: Output
    format: str
    steps: Plan | None
    error: InvalidInputError | None = None

    @property
    def raw_bytes(self) -> int:
        """The size of its pixels; 0 where it is a file, or nothing."""
        if self.steps is None or self.format != RAW:
            return 0
        return _size(self.steps.shape, self.steps.dtype)

    def encoder_bytes(self, frames: int) -> int:
        """Return what its encoder takes while it works; nothing where it is no file."""
        if self.steps is None or self.format == RAW:
            return 0
        return encoder_bytes(self.format, self.output, self.steps.shape, self.steps.dtype, frames)


@dataclasses.dataclass(frozen=True)
class RecipePlan:
    """All of it.

    Attributes
    ----------
    trunk : Plan or None
        What is done once, for all outputs; None where there is nothing.
    """

    input: InputPlan
    recipe: Recipe
    trunk: Plan | None
    outputs: tuple[OutputPlan, ...]

    @property
    def plans(self) -> list[Plan]:
        """The plans of all pipelines that run."""
        branches = [output.steps for output in self.outputs if output.steps is not None]
        return branches if self.trunk is None else [self.trunk, *branches]

    @property
    def handed_bytes(self) -> int:
        """The pixels that are handed to who encodes, and from who decodes, where others do that."""
        encoded = [
            self.input.frames * _size(output.steps.shape, output.steps.dtype)
            for output in self.outputs
            if output.steps is not None and output.format != RAW
        ]
        return max(self.input.decoded_bytes, *encoded, 0)

    @property
    def encodes(self) -> bool:
        """Whether a file is written."""
        return any(output.steps is not None and output.format != RAW for output in self.outputs)

    @property
    def cost(self) -> int:
        """What the pipelines cost, all frames together; in bytes copied, as operations count it."""
        return self.input.frames * sum(plan.cost for plan in self.plans)

    @property
    def num_bytes(self) -> int:
        """The memory that it takes beside the request and copies of its file, at most, with one thread."""
        whole, frames = self.input, self.input.frames
        results = sum(_size(plan.shape, plan.dtype) for plan in self.plans) * frames
        between = max((plan.buffer_bytes + plan.scratch_bytes(1) for plan in self.plans), default=0)
        encoder = max((output.encoder_bytes(frames) for output in self.outputs), default=0)
        made = results + max(between, encoder)
        room = ROOM * made + LEAST_ROOM if self.at_most else made
        return whole.decoded_bytes + max(whole.decoder_bytes, room)

    @property
    def at_most(self) -> bool:
        """Whether something may turn out smaller than is planned, by what the image shows."""
        return any(plan.at_most for plan in self.plans)


def plan_recipe(
    source: Source, recipe: Recipe, limits: Limits, field: str = "image", *, header: Header | None = None
) -> RecipePlan:
    """Plan what `recipe` does with `source`.

    Of the source nothing counts but the shape and dtype of pixels, and the header of a file, which is read
    unless it is given: one plan does for all that are the same in these.

    Raises
    ------
    InvalidInputError
        The image is none, or beyond a limit, or no output can be made of it; the error is the first's.
    """
    whole, recipe = _shrunk_input(_whole_input(source, recipe.decoding, limits, field, header), recipe)
    _check_input(whole, limits, field)
    return _plan_outputs(whole, recipe, limits)


def plan_again(plan: RecipePlan, shape: Shape, dtype: np.dtype[Any], limits: Limits) -> RecipePlan:
    """Return the plan for an image that turned out to be another than its header said."""
    whole = dataclasses.replace(plan.input, shape=shape, dtype=dtype)
    return _plan_outputs(whole, plan.recipe, limits)


def _plan_outputs(whole: InputPlan, recipe: Recipe, limits: Limits) -> RecipePlan:
    check_pipeline(recipe.pipeline, limits, "recipe")
    trunk = _plan(recipe.pipeline, whole.shape, whole.dtype, "recipe")
    check_steps(trunk, whole.frames, limits, "recipe")
    outputs = branches(whole, recipe, trunk, limits)
    way = [*recipe.pipeline.operations, *recipe.outputs[0].pipeline.operations]
    if len(outputs) == 1 and recipe.pipeline.operations and len(way) <= MAX_OPERATIONS:
        both = Pipeline(way)
        only = dataclasses.replace(outputs[0], steps=both.plan(whole.shape, whole.dtype))
        return RecipePlan(whole, recipe, None, (only,))
    return RecipePlan(whole, recipe, trunk if recipe.pipeline.operations else None, outputs)


def branches(whole: InputPlan, recipe: Recipe, trunk: Plan, limits: Limits) -> tuple[OutputPlan, ...]:
    """Return what is done after the trunk for each output, one of which at least can be made."""
    outputs: list[OutputPlan] = []
    for index, output in enumerate(recipe.outputs):
        made = _plan_output(output, whole, trunk, limits, f"recipe.outputs[{index}]")
        outputs.append(if_it_fits(made, outputs, limits, f"recipe.outputs[{index}]"))
    if all(output.error for output in outputs):
        raise next(output.error for output in outputs if output.error)
    return tuple(outputs)


def _plan_output(output: Output, whole: InputPlan, trunk: Plan, limits: Limits, field: str) -> OutputPlan:
    kind = output.format or whole.format
    try:
        check_pipeline(output.pipeline, limits, field)
        steps = _plan(output.pipeline, trunk.shape, trunk.dtype, field)
        check_steps(steps, whole.frames, limits, field)
        _check_encoding(kind, output, steps.dtype, whole.frames, f"{field}.encoding")
    except InvalidInputError as error:
        return OutputPlan(output, kind, None, error)
    return OutputPlan(output, kind, steps)


def if_it_fits(made: OutputPlan, before: list[OutputPlan], limits: Limits, field: str) -> OutputPlan:
    """Return an output, failed if pixels and those of the outputs before it are too many."""
    if made.raw_bytes:
        try:
            check_outputs(made.raw_bytes + sum(each.raw_bytes for each in before), limits, field)
        except LimitExceededError as error:
            return OutputPlan(made.output, made.format, None, error)
    return made


def plan_input(source: Source, decoding: DecodeOptions, limits: Limits, field: str = "image") -> InputPlan:
    """Return what there is of an image before anything is done with it: of a file, what it is decoded to.

    Raises
    ------
    InvalidInputError
        The image is none, or beyond a limit.
    """
    whole = _whole_input(source, decoding, limits, field, None)
    _check_input(whole, limits, field)
    return whole


def _whole_input(
    source: Source, decoding: DecodeOptions, limits: Limits, field: str, header: Header | None
) -> InputPlan:
    """Return an image with all of its pixels, of which so many may be shown."""
    if not isinstance(source, ImageFile):
        check_size(source.shape, 1, limits, field)
        return InputPlan(source.shape, source.dtype, 1, None, decoding)
    header = header or read_header(source.data, field, frames=decoding.frames)
    if not decoding.turns:
        header = header.as_stored()
    frames = header.frames if decoding.frames == "all" else 1
    check_frames(frames, limits, field)
    dtype = DEEP.get(header.bits, UINT8) if decoding.depth == "keep" else UINT8
    check_size(header.shape, frames, limits, field)
    check_page(header, limits, field)
    return InputPlan(header.shape, dtype, frames, header, decoding)


def _check_input(whole: InputPlan, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if a file becomes too many bytes."""
    if whole.header is not None:
        check_decoded(whole.shape, whole.dtype, whole.frames, limits, field)


def _shrunk_input(whole: InputPlan, recipe: Recipe) -> tuple[InputPlan, Recipe]:
    """Return what the pipelines get, which is smaller where that is enough, and the recipe for that."""
    header, shape = whole.header, whole.shape
    if header is None or not recipe.decoding.shrinks or whole.frames > 1:
        return whole, recipe
    at_least = _at_least(recipe, shape)
    if at_least is None:
        return whole, recipe
    width, height = reduced_size(header, at_least)
    if (height, width) != shape[:2]:
        recipe = _with_full_sizes(recipe, shape)
        shape = (height, width, *shape[2:])
    return dataclasses.replace(whole, shape=shape, at_least=at_least), recipe


def _at_least(recipe: Recipe, shape: Shape) -> tuple[int, int] | None:
    """Return the width and height that the first operations need, if all give another size and smooth."""
    operations = recipe.pipeline.operations
    pipelines = [recipe.pipeline] if operations else [output.pipeline for output in recipe.outputs]
    width = height = 0
    for pipeline in pipelines:
        first = pipeline.operations[0] if pipeline.operations else None
        if not isinstance(first, BySize) or first.resample == "nearest":
            return None
        try:
            made = first.of_size(shape)
        except InvalidInputError:  # the plan will say so
            return None
        if not isinstance(made, Placed):
            return None
        rows, columns = made.fitted.size
        width, height = max(width, SHRINK_MARGIN * columns), max(height, SHRINK_MARGIN * rows)
    return width, height


def _with_full_sizes(recipe: Recipe, shape: Shape) -> Recipe:
    """Return a recipe whose first operations make of any image what they would make of one of `shape`."""

    def fixed(pipeline: Pipeline) -> Pipeline:
        first, *rest = pipeline.operations
        return Pipeline([first.of_size(shape) if isinstance(first, BySize) else first, *rest])

    if recipe.pipeline.operations:
        return dataclasses.replace(recipe, pipeline=fixed(recipe.pipeline))
    outputs = tuple(dataclasses.replace(output, pipeline=fixed(output.pipeline)) for output in recipe.outputs)
    return dataclasses.replace(recipe, outputs=outputs)


def _plan(pipeline: Pipeline, shape: Shape, dtype: np.dtype[Any], field: str) -> Plan:
    try:
        return pipeline.plan(shape, dtype)
    except InvalidInputError as error:
        raise type(error)(f"{field}.{error.field}", error.value, error.expected) from error


def _check_encoding(kind: str, output: Output, dtype: np.dtype[Any], frames: int, field: str) -> None:
    """Raise an error if such pixels cannot become a file of a format, or raw pixels."""
    place = f"{field}.format"
    if kind == RAW:
        if frames > 1:
            raise InvalidParameterError(place, f"raw for {frames} frames", "a format that holds several")
        return
    try:
        check_options(kind, output.options)
        check_palette(dtype, frames, output.options)
    except InvalidInputError as error:
        name = error.field.removeprefix("options.")
        raise type(error)(f"{field}.{name}", error.value, error.expected) from None
    info = formats()[kind]
    if frames > 1 and not info.animated:
        several = ", ".join(name for name, each in formats().items() if each.animated and each.encodes)
        raise InvalidParameterError(place, f"{kind} for {frames} frames", f"one of {several}")
    if dtype != UINT8 and not info.deep:
        raise InvalidParameterError(
            place, f"{kind} for {dtype} pixels", "uint8 pixels: put convert dtype=uint8 at the end"
        )


def _size(shape: Shape, dtype: np.dtype[Any]) -> int:
    return math.prod(shape) * dtype.itemsize
