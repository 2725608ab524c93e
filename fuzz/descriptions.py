"""Requests to describe an image, from their bytes to the answer as a client reads it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from fuzz.requests import LIMITS, RUN_BYTES, images
from fuzz.target import Target
from imgsvc.errors import InvalidInputError
from imgsvc.recipes.description import describe_source
from imgsvc.recipes.prediction import Prediction
from imgsvc.server.image_service import Processing
from imgsvc.server.overload.price import Pricing
from imgsvc.server.prepared_description import DescribeMethod
from imgsvc.v1.image_service_pb2 import DescribeRequest
from imgsvc.wire.description import DESCRIBE_REQUEST, description_message, read_description
from imgsvc.wire.image import read_source

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DESCRIPTIONS"]

DESCRIBE = DescribeMethod(Processing(LIMITS, {}, Pricing(Prediction())), allows_gps=True)


def check_description(data: bytes) -> None:
    """Prepare a request, describe a small image, and read the answer; and read the bytes as an answer."""
    with contextlib.suppress(DecodeError, InvalidInputError):
        read_description(data)
    with contextlib.suppress(DecodeError, InvalidInputError):
        if DESCRIBE.prepare(data).price.num_bytes > 4 * RUN_BYTES:
            return
        opened = DESCRIBE_REQUEST.open(data)
        source = read_source(opened.message.image, opened.payload, "image")
        described = describe_source(source, LIMITS, gps=opened.message.gps, num_threads=1)
        assert read_description(description_message(described).SerializeToString()) == described


def _requests() -> Iterable[bytes]:
    for image in images():
        yield DescribeRequest(image=image, gps=True).SerializeToString()


DESCRIPTIONS = Target("descriptions", check_description, _requests)
