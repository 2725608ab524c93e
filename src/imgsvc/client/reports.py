"""What servers tell about themselves, and about requests before they run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from imgsvc.client.failures import status_error
from imgsvc.v1 import image_service_pb2 as messages
from imgsvc.v1.image_pb2 import DataType, Format
from imgsvc.v1.recipe_pb2 import Damaged
from imgsvc.wire.operations import enum_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgsvc.errors import ServiceError

__all__ = [
    "BrokenLimit",
    "FormatReport",
    "ImageReport",
    "OperationReport",
    "OutputReport",
    "ParameterReport",
    "PlanReport",
    "PresetReport",
    "ServerReport",
    "health_request",
    "read_health",
    "read_operations",
    "read_plan",
    "read_server",
]


@dataclasses.dataclass(frozen=True)
class ImageReport:
    """What an image is: its size in pixels, type and format, and the frames that are worked on."""

    width: int
    height: int
    channels: int
    dtype: str
    format: str
    frames: int


@dataclasses.dataclass(frozen=True)
class OutputReport:
    """What an output would be, in how many milliseconds of one core; or why it would fail.

    With `at_most` it may turn out smaller, by what the image shows.
    """

    name: str
    image: ImageReport | None
    cost_ms: float
    error: ServiceError | None
    at_most: bool = False


@dataclasses.dataclass(frozen=True)
class BrokenLimit:
    """A limit of the server, and what the request makes of it."""

    field: str
    value: int
    limit: int


@dataclasses.dataclass(frozen=True)
class PlanReport:
    """What a request would do.

    Attributes
    ----------
    input, outputs
        What goes in and comes out.
    cost_ms
        How long one core of the server works, in milliseconds.
    num_bytes
        The memory that it needs beside the request itself.
    broken_limits
        Why the server would not take it; empty where it would.
    """

    input: ImageReport
    outputs: tuple[OutputReport, ...]
    cost_ms: float
    num_bytes: int
    broken_limits: tuple[BrokenLimit, ...]


@dataclasses.dataclass(frozen=True)
class ParameterReport:
    """A parameter of an operation."""

    name: str
    type: str
    required: bool
    default: str


@dataclasses.dataclass(frozen=True)
class OperationReport:
    """An operation that a server has."""

    name: str
    summary: str
    parameters: tuple[ParameterReport, ...]


@dataclasses.dataclass(frozen=True)
class FormatReport:
    """A format that a server knows."""

    name: str
    media_type: str
    decodes: bool
    encodes: bool


@dataclasses.dataclass(frozen=True)
class PresetReport:
    """A pipeline that a server was started with."""

    name: str
    text: str
    format: str | None
    description: str
    damaged: str | None = None


@dataclasses.dataclass(frozen=True)
class ServerReport:
    """What a server is: versions, instruction set of its kernels, cores, formats, limits, presets."""

    version: str
    isa: str
    openmp: bool
    cores: int
    formats: tuple[FormatReport, ...]
    limits: Mapping[str, int]
    presets: tuple[PresetReport, ...]
    libraries: Mapping[str, str]
    transport: str = ""
    decoding: tuple[str, ...] = ()
    encoding: tuple[str, ...] = ()


def read_plan(body: bytes) -> PlanReport:
    """Read a `PlanResponse`.

    Raises
    ------
    google.protobuf.message.DecodeError, InvalidParameterError
        It is none, or says what this version does not know.
    """
    message = messages.PlanResponse.FromString(body)
    return PlanReport(
        _image(message.input),
        tuple(_output(each) for each in message.outputs),
        message.cost_ms,
        message.bytes,
        tuple(BrokenLimit(each.field, each.value, each.limit) for each in message.broken_limits),
    )


def _output(message: messages.OutputPlan) -> OutputReport:
    if message.HasField("status"):
        status = message.status
        error = status_error(status.code, status.message, status.field)
        return OutputReport(message.name, None, 0.0, error)
    return OutputReport(message.name, _image(message.image), message.cost_ms, None, message.at_most)


def _image(message: messages.ImagePlan) -> ImageReport:
    return ImageReport(
        message.width,
        message.height,
        message.channels,
        enum_word(DataType.DESCRIPTOR, message.dtype, "dtype") or "",
        _format(message.format) or "raw",
        message.frames,
    )


def _format(number: Any) -> str | None:
    return enum_word(Format.DESCRIPTOR, number, "format")


def _damaged(number: Any) -> str | None:
    return enum_word(Damaged.DESCRIPTOR, number, "damaged")


def read_operations(body: bytes) -> tuple[OperationReport, ...]:
    """Read a `ListOperationsResponse`; raises as `read_plan`."""
    return tuple(
        OperationReport(
            each.name,
            each.summary,
            tuple(
                ParameterReport(parameter.name, parameter.type, parameter.required, parameter.default_text)
                for parameter in each.parameters
            ),
        )
        for each in messages.ListOperationsResponse.FromString(body).operations
    )


def read_server(body: bytes) -> ServerReport:
    """Read a `GetServerInfoResponse`; raises as `read_plan`."""
    message = messages.GetServerInfoResponse.FromString(body)
    return ServerReport(
        message.version,
        message.isa,
        message.openmp,
        message.cores,
        tuple(
            FormatReport(_format(each.format) or "", each.media_type, each.decodes, each.encodes)
            for each in message.formats
        ),
        dict(message.limits),
        tuple(
            PresetReport(each.name, each.text, _format(each.format), each.description, _damaged(each.damaged))
            for each in message.presets
        ),
        dict(message.libraries),
        message.transport,
        tuple(message.decoding),
        tuple(message.encoding),
    )


def health_request(service: str) -> bytes:
    """Return what to ask of a service, or with an empty name of the whole server."""
    return HealthCheckRequest(service=service).SerializeToString()


def read_health(body: bytes) -> str:
    """Read a `HealthCheckResponse`: return the status by its name; raises as `read_plan`."""
    status = HealthCheckResponse.FromString(body).status
    value = HealthCheckResponse.ServingStatus.DESCRIPTOR.values_by_number.get(status)
    return str(status) if value is None else value.name
