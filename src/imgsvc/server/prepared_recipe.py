"""Prepared requests to run a recipe: of `Process`, and the items of `ProcessBatch`."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from imgsvc.cache.cache import Made
from imgsvc.cache.key import PROCESS, key, recipe_subject
from imgsvc.cache.rule import answer_bytes
from imgsvc.errors import InvalidInputError
from imgsvc.operations.operation import MOST_TABLE_BYTES
from imgsvc.recipes.placement import placement_in
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.results import FailedResult
from imgsvc.recipes.running import OneCore, RecipeRun, raw_result
from imgsvc.recipes.source import ImageFile, RawImage
from imgsvc.runtime.cores import AT_ONCE_BYTES, BYTES_PER_CORE, LONG_SECONDS
from imgsvc.server.status import details_of, status_of
from imgsvc.wire.envelope import Draft
from imgsvc.wire.image import pixels_of
from imgsvc.wire.process import (
    batch_response_layout,
    draft_batch_response,
    draft_response,
    response_layout,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imgsvc.codec.helpers import Helpers
    from imgsvc.pipeline import Plan
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.planning import RecipePlan
    from imgsvc.recipes.recipe import Recipe
    from imgsvc.recipes.results import EncodedResult, RawResult, Result
    from imgsvc.recipes.source import Source
    from imgsvc.server.call import Work
    from imgsvc.server.image_service import Processing
    from imgsvc.server.overload.price import Price

    Drafted = Callable[[Sequence[Result]], tuple[Any, Sequence[Any]]]

__all__ = ["PlannedRecipe", "PreparedRecipe", "run_recipe"]

T = TypeVar("T")

COST_PER_BYTE = 2
"""Of the cores' bytes, which are those of a mean filter, in the unit of operations' costs."""


class PlannedRecipe:
    """What requests for one recipe have in common whose images are alike.

    Parameters
    ----------
    recipe, plan
        What was asked for, and what it comes to.
    icc_profile
        Of raw pixels.
    processing
        Has what all requests have in common.

    Attributes
    ----------
    price : Price
        What each will take, beside the bytes of its file.
    pixels : _Pixels or None
        How pixels become pixels; None where there is more to do.
    at_once : bool
        See `Prepared`.
    """

    def __init__(
        self, recipe: Recipe, plan: RecipePlan, icc_profile: bytes | None, processing: Processing
    ) -> None:
        self.recipe = recipe
        self.plan = plan
        self.icc_profile = icc_profile
        self.limits = processing.limits
        self.helpers = processing.helpers
        self.answer_bytes = answer_bytes(plan)
        steps = _only_steps(plan)
        self.pixels = None if steps is None else _Pixels(plan, steps, icc_profile)
        self.at_once = self.pixels is not None and self.pixels.core_bytes <= AT_ONCE_BYTES
        self._pricing = processing.pricing
        self.price = self.priced()

    def priced(self) -> Price:
        """Return the price of each, which is made again where nothing had been measured."""
        self.price = self._pricing.recipe(self.plan)
        return self.price

    @property
    def fails(self) -> bool:
        """Whether some output cannot be made."""
        return any(output.error for output in self.plan.outputs)

    @property
    def key_bytes(self) -> int:
        """About the bytes of a message that says all this."""
        pipelines = [self.recipe.pipeline, *(output.pipeline for output in self.recipe.outputs)]
        operations = [operation for pipeline in pipelines for operation in pipeline.operations]
        said = sum(_said_bytes(value) for operation in operations for value in vars(operation).values())
        return 8 * len(operations) + said + len(self.icc_profile or b"")

    @property
    def table_bytes(self) -> int:
        """The bytes of the kernels' tables that the plan keeps, about."""
        tables = (
            step.operation.table_bytes(step.src_shape) for plan in self.plan.plans for step in plan.steps
        )
        return sum(table for table in tables if table <= MOST_TABLE_BYTES)

    @functools.cached_property
    def subject(self) -> str:
        """What is done, as the key of the result cache has it."""
        return recipe_subject(self.plan, self.icc_profile)


class PreparedRecipe:
    """One request to run a recipe; see `Prepared`."""

    __slots__ = ("_data", "_planned", "answer_bytes", "at_once", "num_bytes", "price")

    def __init__(self, planned: PlannedRecipe, data: memoryview) -> None:
        self._planned = planned
        self._data = data
        self.num_bytes = len(data)
        price = planned.price if planned.price.core_seconds else planned.priced()
        self.price = price if price.is_final else price.of_file(len(data))
        self.answer_bytes = planned.answer_bytes
        self.at_once = planned.at_once

    def cache_key(self, owner: str) -> bytes | None:
        """Return what its answer is found by; None where an output fails. See `Prepared.cache_key`."""
        if self._planned.fails:
            return None
        return key(PROCESS, owner, self._planned.subject, self._data)

    def run(self, call: Work, item: str | None = None) -> Made:
        """Compute the answer; see `Prepared.run`."""
        planned = self._planned
        if planned.pixels is not None:
            return planned.pixels.run(self._data, call, item)
        draft: Drafted = draft_response
        if item is not None:
            name = item  # for the type checker
            draft = lambda results: draft_batch_response([(name, results)])  # noqa: E731
        source, recipe, limits = self._source(), planned.recipe, planned.limits
        return run_recipe(
            planned.plan, source, recipe, limits, call=call, draft=draft, helpers=planned.helpers
        )

    def _source(self) -> Source:
        whole = self._planned.plan.input
        if whole.header is not None:
            return ImageFile(self._data)
        pixels = pixels_of(self._data, whole.shape, whole.dtype)
        return RawImage(whole.shape, whole.dtype, pixels, self._planned.icc_profile)


def _said_bytes(value: Any) -> int:
    """Return about how many bytes say a parameter: a number, a list of them or of rows of them, a text."""
    if isinstance(value, tuple):
        return 8 * sum(len(each) if isinstance(each, tuple) else 1 for each in value)
    return len(value) if isinstance(value, (bytes, str)) else 8


def _only_steps(plan: RecipePlan) -> Plan | None:
    """Return what is done, where pixels come in, pixels go out, and nothing else."""
    if plan.input.header is not None or plan.trunk is not None or len(plan.outputs) > 1:
        return None
    steps = plan.outputs[0].steps
    return None if plan.outputs[0].format != RAW or steps is None or steps.looks else steps


class _Pixels:
    """Makes pixels of pixels, in the answer: nothing is decoded, encoded or parted."""

    def __init__(self, plan: RecipePlan, steps: Plan, icc_profile: bytes | None) -> None:
        name, placement = plan.outputs[0].output.name, placement_in(plan, steps)
        result = raw_result(name, steps, icc_profile, placement=placement)
        self._layout = response_layout([result])
        self._src = plan.input.shape, plan.input.dtype
        self._dst = result.shape, result.dtype
        self._steps = steps
        self.core_bytes = steps.cost // COST_PER_BYTE

    def run(self, data: memoryview, call: Work, item: str | None) -> Made:
        """Compute the answer for pixels."""
        layout = self._layout if item is None else batch_response_layout(item, self._layout)
        draft = Draft(layout)
        src = pixels_of(data, *self._src)
        dst: np.ndarray[Any, Any] = np.ndarray(*self._dst, draft.payloads[0])
        steps, stop, note = self._steps, call.stop, call.note

        def compute(num_threads: int) -> None:
            if len(steps.steps) > 1:
                steps.run(src, dst, num_threads, stop, note)
                return
            [step] = steps.steps
            start = time.monotonic()
            if step.prepared is None or not step.prepared.run(src, dst, num_threads, stop):
                step.run(src, dst, num_threads, stop)
            note(step.operation.name, start, time.monotonic())

        call.compute(compute, self.core_bytes)
        return Made(draft.finish())


def run_recipe(
    plan: RecipePlan,
    source: Source,
    recipe: Recipe,
    limits: Limits,
    *,
    call: Work,
    draft: Drafted,
    helpers: Helpers | None = None,
) -> Made:
    """Run what was planned, and return what `draft` makes of the results.

    Who decodes and encodes in this process cannot be ended before its time; where that is long, `helpers` do.

    Raises
    ------
    InvalidInputError
        No output could be made; the error is the first's.
    StoppedError
        The job was stopped.
    """

    def run(compute: Callable[..., Any]) -> Made:
        recipe_run = RecipeRun(
            plan,
            source,
            options=recipe.decoding,
            limits=limits,
            compute=compute,
            stop=call.stop,
            note=call.note,
            helpers=helpers if call.predicted > LONG_SECONDS else None,
        )
        results = _results(plan, recipe_run.run())
        answer, rooms = draft(results)
        recipe_run.write(rooms)
        sound = recipe_run.as_planned and not any(isinstance(each, FailedResult) for each in results)
        return Made(answer.finish(), sound)

    pipelines = plan.cost // COST_PER_BYTE
    # Some of it is worth several cores, and decoding is not. Between the turns others come, and everything
    # is done later; that is worth it while there are cores that nobody wants, or where a turn would be long.
    several = pipelines >= 2 * BYTES_PER_CORE
    if several and (call.computes_alone or call.predicted > LONG_SECONDS):
        return run(_Granted(call))
    # Decoding and encoding take longer than the bytes say, so they need a turn.
    files = 0 if plan.input.header is None and not plan.encodes else AT_ONCE_BYTES + 1
    return call.compute(lambda _: run(OneCore()), max(pipelines, files), 1)


class _Granted:
    """Asks for cores for each step of a recipe."""

    def __init__(self, call: Work) -> None:
        self._call = call

    def __call__(self, function: Callable[[int], T], cost: int | None) -> T:
        if cost is None:
            return self._call.compute(function, AT_ONCE_BYTES + 1, 1)
        return self._call.compute(function, cost // COST_PER_BYTE)


def _results(plan: RecipePlan, made: Sequence[RawResult | EncodedResult | InvalidInputError]) -> list[Result]:
    """Return results with the errors as statuses, if there is any result at all."""
    errors = [each for each in made if isinstance(each, InvalidInputError)]
    if len(errors) == len(made):
        raise errors[0]
    return [
        _failed(output.output.name, each) if isinstance(each, InvalidInputError) else each
        for output, each in zip(plan.outputs, made, strict=True)
    ]


def _failed(name: str, error: Exception) -> FailedResult:
    """Return an error that `status_of` knows as a result."""
    code = status_of(error)
    assert code is not None  # noqa: S101 - for the type checker: it was raised on purpose
    return FailedResult(name, code.value[0], details_of(error), str(getattr(error, "field", "")))
