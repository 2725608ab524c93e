"""What the server tells about itself, and about requests before they run."""

from __future__ import annotations

import dataclasses
import itertools
import math
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from imgsvc._dispatch import isa, kernels
from imgsvc.codec import canonical_format, formats
from imgsvc.errors import InvalidInputError, LimitExceededError
from imgsvc.pipeline.catalog import catalog
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.runtime.cores import AT_ONCE_BYTES
from imgsvc.server.limiter import work_limit
from imgsvc.server.overload.price import Pricing
from imgsvc.server.status import details_of, status_of
from imgsvc.v1 import image_service_pb2 as messages
from imgsvc.v1.image_pb2 import DataType, Format
from imgsvc.v1.recipe_pb2 import Damaged, Decoding, Encoding
from imgsvc.wire.image import read_source
from imgsvc.wire.operations import enum_number
from imgsvc.wire.process import PLAN_REQUEST
from imgsvc.wire.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from imgsvc._images import Shape
    from imgsvc.config import ServerConfig
    from imgsvc.pipeline.catalog import Entry
    from imgsvc.pipeline.presets import Preset
    from imgsvc.recipes.planning import OutputPlan, RecipePlan
    from imgsvc.recipes.prediction import Prediction
    from imgsvc.recipes.recipe import Recipe
    from imgsvc.recipes.source import Source
    from imgsvc.server.call import Work

__all__ = ["Reports"]

LIBRARIES = ("grpcio", "numpy", "pillow", "protobuf", "simplejpeg")
GRAY_RANK = 2
MOST_UINT64 = (1 << 64) - 1
BOUNDLESS = Limits(**{field.name: 1 << 62 for field in dataclasses.fields(Limits)})


class Reports:
    """Answers `Plan`, `ListOperations` and `GetServerInfo`.

    Parameters
    ----------
    config, limits, presets
        Of the server.
    prediction
        How long recipes take here.
    transport
        How the server takes calls.
    """

    def __init__(
        self,
        config: ServerConfig,
        limits: Limits,
        presets: Mapping[str, Preset],
        prediction: Prediction,
        transport: str = "",
    ) -> None:
        self._config = config
        self._limits = limits
        self._presets = presets
        self._prediction = prediction
        self._transport = transport

    def plan(self, body: bytes, call: Work) -> bytes:
        """Answer a `PlanRequest`, on a core of its own: a plan may have a thousand operations."""
        return call.compute(lambda _: self._plan(body), AT_ONCE_BYTES + 1, most=1)

    def _plan(self, body: bytes) -> bytes:
        opened = PLAN_REQUEST.open(body)
        request = opened.message
        source = read_source(request.image, opened.payload, "image", without_pixels=True)
        recipe = read_recipe(request.recipe, self._presets)
        plan = plan_recipe(source, recipe, BOUNDLESS)
        broken = [(each.field, each.amount, each.limit) for each in self._exceeded(source, recipe)]
        file_bytes = max(source.num_bytes, request.file_bytes) if plan.input.file_copies else 0
        self._prediction.calibrate()
        price = Pricing(self._prediction).recipe(plan).of_file(file_bytes)
        num_bytes = price.num_bytes
        limit = work_limit(self._config.byte_budget, num_bytes)
        if num_bytes + source.num_bytes > limit:
            broken.append(("bytes in flight", num_bytes + source.num_bytes, limit))
        outputs = [self._output(plan, output) for output in plan.outputs]
        answer = messages.PlanResponse(
            input=_input(plan),
            outputs=outputs,
            cost_ms=1e3 * price.core_seconds,
            bytes=min(num_bytes, MOST_UINT64),
            broken_limits=[
                messages.BrokenLimit(field=field, value=min(value, MOST_UINT64), limit=limit)
                for field, value, limit in broken
            ],
        )
        return answer.SerializeToString()

    def _exceeded(self, source: Source, recipe: Recipe) -> Iterator[LimitExceededError]:
        """Yield what a request is too large for, if anything: of each limit the first that it meets."""
        if not any(_exceeded(source, recipe, self._limits)):
            return
        for name, limit in dataclasses.asdict(self._limits).items():
            yield from itertools.islice(
                _exceeded(source, recipe, dataclasses.replace(BOUNDLESS, **{name: limit})), 1
            )

    def _output(self, plan: RecipePlan, output: OutputPlan) -> messages.OutputPlan:
        name = output.output.name
        if output.steps is None:
            error = output.error or InvalidInputError("output", "none", "one")
            code = status_of(error)
            status = messages.Status(
                code=code.value[0] if code else 0, message=details_of(error), field=error.field
            )
            return messages.OutputPlan(name=name, status=status)
        image = _image(output.steps.shape, output.steps.dtype, output.format, plan.input.frames)
        cost = self._prediction.output_milliseconds(plan, output)
        at_most = output.steps.at_most or (plan.trunk is not None and plan.trunk.at_most)
        return messages.OutputPlan(name=name, image=image, cost_ms=cost, at_most=at_most)

    def list_operations(self, body: bytes, call: Work) -> bytes:  # noqa: ARG002
        """Answer a `ListOperationsRequest`."""
        messages.ListOperationsRequest.FromString(body)
        operations = map(_operation, catalog())
        return messages.ListOperationsResponse(operations=operations).SerializeToString()

    def get_server_info(self, body: bytes, call: Work) -> bytes:  # noqa: ARG002
        """Answer a `GetServerInfoRequest`."""
        messages.GetServerInfoRequest.FromString(body)
        config = self._config
        limits = {
            "max_message_bytes": config.max_message_bytes,
            "max_calls": config.max_calls,
            "max_bytes_in_flight": config.byte_budget,
            "max_connections": config.max_connections,
            "max_streams": config.max_streams,
            "max_stream_items": config.num_stream_items,
            "max_stream_seconds": math.ceil(config.max_stream_seconds),
            **{f"max_{name}": limit for name, limit in dataclasses.asdict(self._limits).items()},
        }
        answer = messages.GetServerInfoResponse(
            version=version("imgsvc"),
            isa=isa(),
            openmp=kernels().openmp,
            cores=config.num_cores,
            formats=[_format(name, info) for name, info in formats().items()],
            limits=limits,
            presets=[_preset(preset) for _, preset in sorted(self._presets.items())],
            libraries={name: version(name) for name in LIBRARIES},
            transport=self._transport,
            encoding=[field.name for field in Encoding.DESCRIPTOR.fields],
            decoding=[field.name for field in Decoding.DESCRIPTOR.fields],
        )
        return answer.SerializeToString()


def _exceeded(source: Source, recipe: Recipe, limits: Limits) -> Iterator[LimitExceededError]:
    try:
        plan = plan_recipe(source, recipe, limits)
    except LimitExceededError as error:
        yield error
        return
    for output in plan.outputs:
        if isinstance(output.error, LimitExceededError):
            yield output.error


def _input(plan: RecipePlan) -> messages.ImagePlan:
    whole, header = plan.input, plan.input.header
    shape = whole.shape if header is None else (header.height, header.width, *whole.shape[2:])
    return _image(shape, whole.dtype, whole.format, whole.frames)


def _image(shape: Shape, dtype: np.dtype[Any], kind: str, frames: int) -> messages.ImagePlan:
    return messages.ImagePlan(
        width=shape[1],
        height=shape[0],
        channels=shape[2] if len(shape) > GRAY_RANK else 1,
        dtype=enum_number(DataType.DESCRIPTOR, dtype.name),  # type: ignore[arg-type]  # an enum is an int
        format=enum_number(Format.DESCRIPTOR, kind),  # type: ignore[arg-type]
        frames=frames,
    )


def _operation(entry: Entry) -> messages.OperationInfo:
    parameters = [
        messages.ParameterInfo(
            name=each.name, type=each.type, required=each.required, default_text=each.default
        )
        for each in entry.parameters
    ]
    return messages.OperationInfo(name=entry.name, summary=entry.summary, parameters=parameters)


def _format(name: str, info: Any) -> messages.FormatInfo:
    return messages.FormatInfo(
        format=enum_number(Format.DESCRIPTOR, name),  # type: ignore[arg-type]
        decodes=info.decodes,
        encodes=info.encodes,
        media_type=info.media_type,
    )


def _preset(preset: Preset) -> messages.PresetInfo:
    return messages.PresetInfo(
        name=preset.name,
        text=str(preset.pipeline),
        format=enum_number(Format.DESCRIPTOR, preset.format and canonical_format(preset.format)),  # type: ignore[arg-type]
        description=preset.description,
        damaged=enum_number(Damaged.DESCRIPTOR, preset.damaged),  # type: ignore[arg-type]
    )
