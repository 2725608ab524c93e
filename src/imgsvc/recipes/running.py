"""Doing what was planned."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from imgsvc._images import GRAY_RANK
from imgsvc.codec import (
    FOR_OTHERS,
    WITH_EXIF,
    Decoded,
    DecodeLimits,
    decode,
    encode,
    hides_alpha,
    profile_fits,
    rights_of,
)
from imgsvc.errors import InvalidImageError, InvalidInputError, LimitExceededError
from imgsvc.recipes.limits import check_outputs
from imgsvc.recipes.placement import placement_in
from imgsvc.recipes.planning import plan_again
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.results import EncodedResult, RawResult
from imgsvc.recipes.settling import with_settled_outputs, with_settled_trunk
from imgsvc.recipes.source import ImageFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from imgsvc._images import Shape
    from imgsvc._stop import Stop
    from imgsvc.codec import DecodeOptions
    from imgsvc.codec.helpers import Helpers
    from imgsvc.pipeline import Plan
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.placement import Placement
    from imgsvc.recipes.planning import OutputPlan, RecipePlan
    from imgsvc.recipes.settling import Settle
    from imgsvc.recipes.source import Source

__all__ = ["OneCore", "RecipeRun", "is_gray", "raw_result"]

T = TypeVar("T")


class Compute(Protocol):
    """Calls a function with the number of threads that it gets for work of some cost."""

    def __call__(self, function: Callable[[int], T], cost: int | None) -> T:
        """Return what the function does; None is the cost of work for one thread, however long."""


class Note(Protocol):
    """Is told what took its time."""

    def __call__(self, stage: str, start: float, end: float) -> None:
        """Take a stage: ``"decode"``, ``"encode"`` or an operation's name; on the monotonic clock."""


class OneCore:
    """Everything on one core."""

    def __call__(self, function: Callable[[int], T], cost: int | None) -> T:  # noqa: ARG002 - one of several
        """Return what the function does with one thread."""
        return function(1)


class RecipeRun:
    """One recipe, run on one image: first `run`, then `write`.

    Parameters
    ----------
    plan, source, options, limits
        What was planned, for what, how files are decoded, within which limits.
    compute
        Who gives it cores.
    stop
        What ends it early; looked at between steps, and by the kernels in them.
    note
        Is told the stages, if given.
    helpers
        Who decode and encode, and can be ended meanwhile; None for this thread, to the end.

    Attributes
    ----------
    as_planned : bool
        Whether the image was what its header said.
    """

    def __init__(
        self,
        plan: RecipePlan,
        source: Source,
        *,
        options: DecodeOptions,
        limits: Limits,
        compute: Compute,
        stop: Stop,
        note: Note | None = None,
        helpers: Helpers | None = None,
    ) -> None:
        self._helpers = helpers
        self._plan = plan
        self._source = source
        self._options = options
        self._limits = limits
        self._compute = compute
        self._stop = stop
        self._note = note
        self._decoded: Decoded | None = None
        self._left: list[Plan] = []
        self._result_bytes = 0
        self.as_planned = True

    def run(self) -> list[RawResult | EncodedResult | InvalidInputError]:
        """Make all files; return what became of each output, pixels still without them.

        Raises
        ------
        InvalidImageError
            The file turned out to be damaged.
        StoppedError
            `stop` said so.
        """
        decoded = self._decode()
        _check_alike(decoded.frames)
        plan, first = self._plan, decoded.frames[0]
        if (first.shape, first.dtype) != (plan.input.shape, plan.input.dtype):
            self.as_planned = False
            plan = plan_again(plan, first.shape, first.dtype, self._limits)
        plan = with_settled_trunk(plan, self._settle(decoded), self._limits)
        if plan.trunk is not None:
            decoded = self._through(plan.trunk, decoded)
        plan = with_settled_outputs(plan, self._settle(decoded), self._limits)
        self._decoded, self._plan = decoded, plan
        self._result_bytes = sum(output.raw_bytes for output in plan.outputs)
        return [self._make(output, decoded, index) for index, output in enumerate(plan.outputs)]

    def write(self, rooms: Sequence[NDArray[Any]]) -> None:
        """Compute the pixels of the raw results into these, in their order."""
        assert self._decoded is not None  # noqa: S101 - for the type checker: `run` was called
        for steps, room in zip(self._left, rooms, strict=True):
            self._steps(steps, self._decoded.frames[0], room)

    def _decode(self) -> Decoded:
        source, whole = self._source, self._plan.input
        if not isinstance(source, ImageFile):
            assert source.pixels is not None  # noqa: S101 - for the type checker: only plans have none
            return Decoded((source.pixels,), icc_profile=source.icc_profile)
        limits = DecodeLimits(
            pixels=self._limits.pixels, frames=self._limits.frames, total_pixels=self._limits.pixels
        )
        data, header, options, least = source.data, whole.header, self._options, whole.at_least
        helpers, stop = self._helpers, self._stop

        def decoded() -> Decoded:
            if helpers is None or header is None:
                return decode(data, options, limits, at_least=least, header=header)
            return helpers.decode(data, options, limits, at_least=least, header=header, stop=stop)

        return self._timed("decode", decoded)

    def _through(self, steps: Plan, decoded: Decoded) -> Decoded:
        if steps.copies:
            return decoded
        frames = []
        for frame in decoded.frames:
            result = np.empty(steps.shape, steps.dtype)
            self._steps(steps, frame, result)
            frames.append(result)
        return dataclasses.replace(decoded, frames=tuple(frames))

    def _settle(self, decoded: Decoded) -> Settle:
        """Return what settles plans by the first frame: they go for all."""
        first, stop = decoded.frames[0], self._stop
        return lambda steps, check: self._compute(
            lambda num_threads: steps.settled(first, num_threads, stop, check), steps.cost
        )

    def _steps(self, steps: Plan, src: NDArray[Any], dst: NDArray[Any]) -> None:
        self._compute(
            lambda num_threads: steps.run(src, dst, num_threads, self._stop, self._note), steps.cost
        )

    def _timed(self, stage: str, function: Callable[[], T]) -> T:
        """Return what a function does with one core, and note how long that took."""

        def timed(_: int) -> T:
            start = time.monotonic()
            try:
                return function()
            finally:
                if self._note is not None:
                    self._note(stage, start, time.monotonic())

        return self._compute(timed, None)

    def _make(
        self, output: OutputPlan, decoded: Decoded, index: int
    ) -> RawResult | EncodedResult | InvalidInputError:
        if output.steps is None:
            return output.error or InvalidInputError("output", "none", "one")
        steps, name, notes = output.steps, output.output.name, decoded.notes
        if output.format == RAW:
            self._left.append(steps)
            placement = placement_in(self._plan, steps)
            return raw_result(name, steps, decoded.icc_profile, notes, placement=placement)
        if _is_for_others(decoded.icc_profile, steps):
            decoded = dataclasses.replace(decoded, icc_profile=None)
            notes += (FOR_OTHERS,)
        notes += _notes_on_metadata(decoded, output)
        if output.format == "avif" and len(decoded.frames) > 1 and decoded.loop:
            notes += ("how often it is shown is lost: avif is shown for ever",)
        try:
            result = self._through(steps, decoded)
            if hides_alpha(result.frames, output.format):
                notes += (f"alpha is lost: {output.format} has none, and the background shines through",)
            data = self._timed("encode", lambda: self._encoded(result, output))
        except InvalidInputError as error:
            field = f"recipe.outputs[{index}].encoding.{error.field.removeprefix('options.')}"
            return type(error)(field, error.value, error.expected)
        try:
            check_outputs(self._result_bytes + len(data), self._limits, f"recipe.outputs[{index}]")
        except LimitExceededError as error:
            return error
        self._result_bytes += len(data)
        height, width = steps.shape[:2]
        placement = placement_in(self._plan, steps)
        return EncodedResult(name, data, output.format, width, height, notes, placement)

    def _encoded(self, image: Decoded, output: OutputPlan) -> bytes:
        kind, options = output.format, output.output.options
        if self._helpers is None:
            return encode(image, kind, options)  # type: ignore[arg-type] # not RAW
        return self._helpers.encode(image, kind, options, stop=self._stop)  # type: ignore[arg-type] # not RAW


def _notes_on_metadata(decoded: Decoded, output: OutputPlan) -> tuple[str, ...]:
    """Return notes on what an output loses of the metadata that it should keep."""
    holds_them = output.format in WITH_EXIF
    notes: tuple[str, ...] = ()
    if output.output.metadata == "copyright":
        rights = rights_of(decoded)
        notes = rights.notes
        if rights.properties and not holds_them:
            notes += (f"what it says of rights is dropped: {output.format} is written without",)
    elif output.output.metadata == "keep":
        if decoded.exif and not holds_them:
            notes = (f"EXIF data are dropped: {output.format} is written without",)
        if decoded.unkept:
            notes += (f"metadata are dropped: {', '.join(decoded.unkept)}",)
    return notes


def _check_alike(frames: Sequence[NDArray[Any]]) -> None:
    """Raise an error if frames differ, as pages of a TIFF may: one plan is for all of them.

    Raises
    ------
    InvalidImageError
        They do, in shape or dtype.
    """
    kinds = dict.fromkeys((frame.shape, frame.dtype) for frame in frames)
    if len(kinds) > 1:
        first, other, *_ = (f"{shape[1]}×{shape[0]} {_channels(shape)} {dtype}" for shape, dtype in kinds)
        expected = "frames that are all alike; the first one alone is always taken"
        raise InvalidImageError("image", f"frames of {first} and of {other}", expected)


def _channels(shape: Shape) -> str:
    return "gray" if len(shape) == GRAY_RANK else f"with {shape[2]} channels"


def raw_result(
    name: str,
    steps: Plan,
    icc_profile: bytes | None,
    notes: tuple[str, ...] = (),
    *,
    placement: Placement | None,
) -> RawResult:
    """Return an output that is pixels, still without them, of an image with that profile."""
    if _is_for_others(icc_profile, steps):
        icc_profile = None
        notes += (FOR_OTHERS,)
    return RawResult(name, steps.shape, steps.dtype, icc_profile, notes, placement=placement)


def _is_for_others(icc_profile: bytes | None, steps: Plan) -> bool:
    """Return whether a profile is for other colours than those of the result."""
    if not icc_profile:
        return False
    return not profile_fits(icc_profile, 1 if is_gray(steps.shape) else steps.shape[2])


def is_gray(shape: Shape) -> bool:
    """Return whether images of a shape have one channel."""
    return len(shape) == GRAY_RANK or shape[2] == 1
