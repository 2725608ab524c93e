"""imgsvc.v1.ImageService on the server: what its unary methods answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from imgsvc.cache.cache import Made
from imgsvc.errors import InvalidInputError
from imgsvc.recipes.planning import RecipePlan, plan_recipe
from imgsvc.recipes.results import FailedResult, RawResult
from imgsvc.recipes.running import OneCore, Work
from imgsvc.runtime.cores import AT_ONCE_BYTES, BYTES_PER_CORE
from imgsvc.server.calls import Method
from imgsvc.server.status import details_of, status_of
from imgsvc.v1.image_service_pb2 import DESCRIPTOR
from imgsvc.wire.image import read_source
from imgsvc.wire.process import PROCESS_REQUEST, draft_response
from imgsvc.wire.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imgsvc.pipeline.presets import Preset
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.recipe import Recipe
    from imgsvc.recipes.results import EncodedResult, Result
    from imgsvc.recipes.running import Note
    from imgsvc.recipes.source import Source
    from imgsvc.runtime.cores import Cores, Job
    from imgsvc.server.caching import Caching
    from imgsvc.server.calls import Call
    from imgsvc.server.overload.price import Pricing
    from imgsvc.server.reports import Reports

    Drafted = Callable[[Sequence[Result]], tuple[Any, Sequence[Any]]]

__all__ = ["SERVICE_NAME", "Processing", "image_methods"]

T = TypeVar("T")

SERVICE_NAME = DESCRIPTOR.services_by_name["ImageService"].full_name

COST_PER_BYTE = 2
"""Of the cores' bytes, which are those of a mean filter, in the unit of operations' costs."""


class Processing:
    """Runs recipes on the cores.

    Parameters
    ----------
    limits
        Of one request.
    presets
        By name.
    pricing
        Makes prices of plans.
    caching
        Where results are kept; None for nowhere.
    """

    def __init__(
        self, limits: Limits, presets: Mapping[str, Preset], pricing: Pricing, caching: Caching | None = None
    ) -> None:
        self.limits = limits
        self.presets = presets
        self.pricing = pricing
        self.caching = caching

    def process(self, body: bytes, call: Call) -> bytes:
        """Answer a `ProcessRequest`."""
        opened = PROCESS_REQUEST.open(body)
        source = read_source(opened.message.image, opened.payload, "image")
        recipe = read_recipe(opened.message.recipe, self.presets)
        plan = plan_recipe(source, recipe, self.limits)
        price = self.pricing.recipe(plan)

        def compute() -> Made:
            return self.run(
                plan,
                source,
                recipe,
                cores=call.cores,
                job=call.job,
                draft=draft_response,
                note=call.record.note,
            )

        if self.caching is not None:
            key = self.caching.recipe_key(plan, source, price, call.record)
            if key is not None:
                return self.caching.answer(key, call, price, compute)
        call.admit(price)
        return compute().message

    def run(
        self,
        plan: RecipePlan,
        source: Source,
        recipe: Recipe,
        *,
        cores: Cores,
        job: Job,
        draft: Drafted,
        note: Note,
    ) -> Made:
        """Run what was planned, and return what `draft` makes of the results; `note` is told the stages.

        Raises
        ------
        InvalidInputError
            No output could be made; the error is the first's.
        StoppedError
            The job was stopped.
        """

        def run(compute: Callable[..., Any]) -> Made:
            work = Work(
                plan,
                source,
                options=recipe.decoding,
                limits=self.limits,
                compute=compute,
                stop=job.stop,
                note=note,
            )
            results = _results(plan, work.run())
            answer, rooms = draft(results)
            work.write(rooms)
            sound = work.as_planned and not any(isinstance(each, FailedResult) for each in results)
            return Made(answer.finish(), sound)

        pipelines = plan.cost // COST_PER_BYTE
        if pipelines >= 2 * BYTES_PER_CORE:  # some of it is worth several cores, and decoding is not
            return run(_Granted(cores, job))
        # Decoding and encoding take longer than the bytes say, so they need a turn.
        files = 0 if plan.input.header is None and not plan.encodes else AT_ONCE_BYTES + 1
        return cores.run(lambda _: run(OneCore()), max(pipelines, files), job, 1)


class _Granted:
    """Asks for cores for each step of a recipe."""

    def __init__(self, cores: Cores, job: Job) -> None:
        self._cores = cores
        self._job = job

    def __call__(self, function: Callable[[int], T], cost: int | None) -> T:
        if cost is None:
            return self._cores.run(function, AT_ONCE_BYTES + 1, self._job, 1)
        return self._cores.run(function, cost // COST_PER_BYTE, self._job)


def _results(plan: RecipePlan, made: Sequence[RawResult | EncodedResult | InvalidInputError]) -> list[Result]:
    """Return results with the errors as statuses, if there is any result at all."""
    errors = [each for each in made if isinstance(each, InvalidInputError)]
    if len(errors) == len(made):
        raise errors[0]
    return [
        failed(output.output.name, each) if isinstance(each, InvalidInputError) else each
        for output, each in zip(plan.outputs, made, strict=True)
    ]


def failed(name: str, error: Exception) -> FailedResult:
    """Return an error that `status_of` knows as a result."""
    code = status_of(error)
    assert code is not None  # noqa: S101 - for the type checker: it was raised on purpose
    return FailedResult(name, code.value[0], details_of(error), str(getattr(error, "field", "")))


def image_methods(processing: Processing, reports: Reports) -> dict[str, Method]:
    """Return the unary methods by name."""
    return {
        f"/{SERVICE_NAME}/Process": Method(processing.process),
        f"/{SERVICE_NAME}/Plan": Method(reports.plan),
        f"/{SERVICE_NAME}/ListOperations": Method(reports.list_operations),
        f"/{SERVICE_NAME}/GetServerInfo": Method(reports.get_server_info),
    }
