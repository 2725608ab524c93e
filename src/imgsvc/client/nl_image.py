"""The operations of NLImageService: requests from arrays, arrays from answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from imgsvc._images import UINT8, check_image
from imgsvc.errors import InvalidImageError, RequestRefusedError, ServiceError
from imgsvc.operations import MeanFilter, Rotate90
from imgsvc.processing.given import copy_pixels
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR
from imgsvc.wire.nl_image import draft_image, draft_rotate_request, read_answer

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape
    from imgsvc.operations import Operation

__all__ = ["METHODS", "check_carried", "method_of", "pixels_of", "request_body"]

SERVICE = DESCRIPTOR.services_by_name["NLImageService"].full_name
METHODS: dict[type[Operation], str] = {
    MeanFilter: f"/{SERVICE}/MeanFilter",
    Rotate90: f"/{SERVICE}/RotateImage",
}
"""The operations that it has, and their methods."""

RGBA_CHANNELS = 4
# protobuf ends at 2 GiB; the message around the pixels takes a few bytes.
MAX_PIXEL_BYTES = 2**31 - 1 - 64


def method_of(operation: Operation, image: Image) -> str | None:
    """Return the method for an operation on an image; None where the contract has none, as for alpha."""
    shape, dtype = getattr(image, "shape", ()), getattr(image, "dtype", UINT8)
    carried = shape[2:] != (RGBA_CHANNELS,) and (dtype == UINT8 or not operation.deep)
    return METHODS.get(type(operation)) if carried else None


def check_carried(image: Image) -> Image:
    """Return `image` if a message of the contract can carry it."""
    image = check_image(image)
    if image.size > MAX_PIXEL_BYTES:
        raise InvalidImageError(
            "image", f"{image.size} bytes", f"at most {MAX_PIXEL_BYTES}: a message ends there"
        )
    return image


def request_body(operation: Operation, image: Image) -> bytes:
    """Return the request for an operation of the contract, with the pixels in it."""
    if isinstance(operation, Rotate90):
        draft = draft_rotate_request(operation, image.shape)
    else:
        draft = draft_image(image.shape)
    copy_pixels(image, draft.pixels)
    return draft.finish()


def pixels_of(body: bytes, shape: Shape) -> Image:
    """Return the pixels of an answer that must have the given shape."""
    try:
        answer = read_answer(body)
    except DecodeError as error:
        raise ServiceError(grpc.StatusCode.INTERNAL, "the server's answer is no NLImage") from error
    except InvalidImageError as error:
        raise ServiceError(grpc.StatusCode.INTERNAL, f"the server's answer is no image: {error}") from error
    if isinstance(answer, str):  # other servers' way to fail, and imgsvc's where it is asked to
        reason = answer or "the server gave no reason"
        raise RequestRefusedError(grpc.StatusCode.INVALID_ARGUMENT, reason)
    if answer.shape[:2] != shape[:2] or answer.size != math.prod(shape):
        reason = f"the server's answer has shape {answer.shape}, expected {shape}"
        raise ServiceError(grpc.StatusCode.INTERNAL, reason)
    return answer.reshape(shape)
