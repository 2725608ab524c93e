"""The messages of `ImageService.Describe` ↔ sources and descriptions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imgsvc.codec import CameraData, GpsPosition
from imgsvc.errors import InvalidImageError
from imgsvc.recipes.colors import DominantColor
from imgsvc.recipes.description import Description
from imgsvc.v1 import image_service_pb2 as messages
from imgsvc.v1.image_pb2 import Format
from imgsvc.wire.envelope import Draft, Envelope
from imgsvc.wire.image import PAYLOADS
from imgsvc.wire.operations import enum_number, enum_word
from imgsvc.wire.process import image_and_payload

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc.recipes.source import Source

__all__ = ["DESCRIBE_REQUEST", "description_message", "draft_describe_request", "read_description"]

DESCRIBE_REQUEST = Envelope(messages.DescribeRequest, *(f"image.{payload}" for payload in PAYLOADS))
ALIKE = ("width", "height", "channels", "bits", "frames", "orientation")
"""Fields that are the same in both."""


def draft_describe_request(source: Source, *, gps: bool) -> tuple[Draft, NDArray[Any] | None]:
    """Return the request to describe an image; a file is written, pixels have an array in it."""
    image, payloads = image_and_payload(source)
    message = messages.DescribeRequest(image=image, gps=gps)
    draft = Draft(DESCRIBE_REQUEST.layout(message, *payloads.sizes))
    return draft, next(iter(payloads.fill(draft)), None)


def description_message(described: Description) -> messages.DescribeResponse:
    """Return a description as a message."""
    average, gps = described.average_color, described.gps
    camera = {
        name: value for name, value in dataclasses.asdict(described.camera).items() if value is not None
    }
    return messages.DescribeResponse(
        **{name: getattr(described, name) for name in ALIKE},
        format=enum_number(Format.DESCRIPTOR, described.format),  # type: ignore[arg-type]
        icc_profile=described.icc_profile,
        average_color=None if average is None else _rgb(average),
        dominant_colors=[
            messages.DominantColor(color=_rgb(each.color), per_mille=each.per_mille)
            for each in described.dominant_colors
        ],
        histogram=[messages.Histogram(counts=counts) for counts in described.histogram],
        camera=messages.CameraData(**camera),
        gps=None if gps is None else messages.GpsPosition(**dataclasses.asdict(gps)),
    )


def _rgb(color: tuple[int, int, int]) -> messages.RgbColor:
    red, green, blue = color
    return messages.RgbColor(red=red, green=green, blue=blue)


def read_description(body: bytes) -> Description:
    """Return what an answer says.

    Raises
    ------
    google.protobuf.message.DecodeError
        `body` is no `DescribeResponse`.
    InvalidImageError
        It is one of no image.
    """
    message = messages.DescribeResponse.FromString(body)
    kind = enum_word(Format.DESCRIPTOR, message.format, "format")
    if kind is None:
        raise InvalidImageError("format", "none", "that of the image")
    camera: dict[str, Any] = {each.name: value for each, value in message.camera.ListFields()}
    if "dpi" in camera:
        camera["dpi"] = tuple(camera["dpi"])
    gps = {each.name: value for each, value in message.gps.ListFields()}
    return Description(
        **{name: getattr(message, name) for name in ALIKE},
        format=kind,
        icc_profile=message.icc_profile if message.HasField("icc_profile") else None,
        average_color=_color(message.average_color) if message.HasField("average_color") else None,
        dominant_colors=tuple(
            DominantColor(_color(each.color), each.per_mille) for each in message.dominant_colors
        ),
        histogram=tuple(tuple(each.counts) for each in message.histogram),
        camera=CameraData(**camera),
        gps=GpsPosition(**{"latitude": 0.0, "longitude": 0.0, **gps}) if message.HasField("gps") else None,
    )


def _color(message: messages.RgbColor) -> tuple[int, int, int]:
    return message.red, message.green, message.blue
