"""The messages of NLImageService ↔ arrays and operations.

Whatever a valid message may hold is checked here, as Python integers and before anything is allocated.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.codec import format_of
from imgsvc.errors import InvalidImageError, InvalidInputError, InvalidParameterError
from imgsvc.operations import MeanFilter, Operation, Rotate90
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest
from imgsvc.wire.envelope import Draft, Envelope, Layout, Opened, placeholder

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape

__all__ = [
    "IMAGE",
    "ROTATE_REQUEST",
    "DraftedImage",
    "ImageRequest",
    "draft_image",
    "draft_rotate_request",
    "image_layout",
    "mean_filter_request",
    "null_image",
    "read_answer",
    "rotate_request",
]

IMAGE = Envelope(NLImage, "data")
ROTATE_REQUEST = Envelope(NLImageRotateRequest, "image.data")

MEAN_FILTER = MeanFilter()
IN_BASE64 = {
    b"iVBORw0KGgo": "PNG file in base64", b"/9j/": "JPEG file in base64", b"R0lGOD": "GIF file in base64",
    b"UklGR": "WEBP file in base64", b"data:": "file in a data URL",
}  # fmt: skip
ROTATIONS = dict(NLImageRotateRequest.Rotation.items())
COLOR_CHANNELS = 3
GRAY_RANK = 2
MAX_REASON = 1024


@dataclasses.dataclass(frozen=True)
class ImageRequest:
    """What a request asks for.

    Attributes
    ----------
    operation, shape
        What is done, with an image of which shape.
    data
        Its pixels, in the bytes of the request.
    header, index
        What `Envelope.split` makes of the request, and where among its payloads the pixels are: another
        request with that header and as many pixels asks for the same. None for an unusual one.
    """

    operation: Operation
    shape: Shape
    data: memoryview
    header: bytes | None
    index: int | None

    @property
    def image(self) -> Image:
        """The pixels, read-only."""
        return np.ndarray(self.shape, np.uint8, self.data)


class DraftedImage:
    """A message whose `pixels`, an array, are still to be written, every one of them, before `finish`."""

    def __init__(self, layout: Layout, shape: Shape) -> None:
        draft = Draft(layout)
        self.pixels: Image = np.ndarray(shape, np.uint8, draft.payloads[0])
        self.finish = draft.finish


def mean_filter_request(body: bytes) -> ImageRequest:
    """Return what a MeanFilter request asks for.

    Raises
    ------
    google.protobuf.message.DecodeError
        `body` is no `NLImage`.
    InvalidImageError
        It is one, but no image.
    """
    opened = IMAGE.open(body)
    return _request(MEAN_FILTER, opened, opened.message)


def rotate_request(body: bytes) -> ImageRequest:
    """Return what a RotateImage request asks for.

    Raises
    ------
    google.protobuf.message.DecodeError
        `body` is no `NLImageRotateRequest`.
    InvalidImageError, InvalidParameterError
        It is one, but without a valid image, or with a rotation that the contract does not have.
    """
    opened = ROTATE_REQUEST.open(body)
    request = opened.message
    if request.rotation not in ROTATIONS.values():
        known = ", ".join(f"{name} ({number})" for name, number in ROTATIONS.items())
        raise InvalidParameterError("rotation", request.rotation, f"one of {known}")
    if not request.HasField("image"):
        raise InvalidImageError("image", "missing", "an NLImage")
    return _request(Rotate90(request.rotation), opened, request.image, "image.")


def _request(operation: Operation, opened: Opened[Any], image: NLImage, prefix: str = "") -> ImageRequest:
    data = opened.payload(image.data)
    return ImageRequest(operation, _shape(image, data, prefix), data, opened.header, opened.index(image.data))


def read_answer(body: bytes) -> Image | str:
    """Return the pixels of an answer as a read-only view, or the text of one that `null_image` made.

    Raises
    ------
    google.protobuf.message.DecodeError
        `body` is no `NLImage`.
    InvalidImageError
        It is one, but no image.
    """
    opened = IMAGE.open(body)
    answer, data = opened.message, opened.payload(opened.message.data)
    if answer.width == 0 and answer.height == 0:
        return bytes(data[:MAX_REASON]).decode(errors="replace")
    return np.ndarray(_shape(answer, data, "answer."), np.uint8, data)


def _shape(message: NLImage, data: memoryview, prefix: str) -> Shape:
    """Return (H, W) when gray, (H, W, 3) when colour, if `data` fits; errors name fields after `prefix`."""
    width, height, color = message.width, message.height, message.color
    for name, size in (("width", width), ("height", height)):
        if size < 1:
            _check_for_file(data, prefix, "pixels, with their width and height")
            raise InvalidImageError(prefix + name, size, "at least 1")
    shape = (height, width, COLOR_CHANNELS) if color else (height, width)
    expected = math.prod(shape)
    if len(data) != expected:
        channels = COLOR_CHANNELS if color else 1
        wanted = (
            f"{expected} bytes: width {width} x height {height} x {channels} "
            f"channel{'s' if color else ''} (color is {'true' if color else 'false'})"
        )
        _check_for_file(data, prefix, wanted)
        raise InvalidImageError(prefix + "data", f"{len(data)} bytes", wanted)
    return shape


def _check_for_file(data: memoryview, prefix: str, expected: str) -> None:
    """Raise an error that says more of an image file in the place of pixels, which is a common mistake."""
    start = bytes(data[:MAX_REASON])
    name = next((name for text, name in IN_BASE64.items() if start.startswith(text)), None)
    if name is None:
        try:
            name = f"{format_of(start).upper()} file"
        except InvalidInputError:
            return
    advice = f"looks like a {name}: this contract carries pixels; send files to imgsvc.v1 Process"
    raise InvalidImageError(prefix + "data", advice, expected)


def draft_image(shape: Shape) -> DraftedImage:
    """Return an `NLImage` for a gray or RGB image of `shape`."""
    return DraftedImage(image_layout(shape), shape)


def draft_rotate_request(operation: Rotate90, shape: Shape) -> DraftedImage:
    """Return the request to rotate a gray or RGB image of `shape`."""
    return DraftedImage(_rotate_request_layout(operation.turns, shape), shape)


# Whoever sends or asks for one image often sends or asks for many of its size.
@functools.lru_cache(maxsize=256)
def image_layout(shape: Shape) -> Layout:
    """Return the layout of an `NLImage` for a gray or RGB image of `shape`."""
    return IMAGE.layout(_header(shape), math.prod(shape))


@functools.lru_cache(maxsize=256)
def _rotate_request_layout(turns: int, shape: Shape) -> Layout:
    rotation = NLImageRotateRequest.Rotation.Name(turns)
    return ROTATE_REQUEST.layout(
        NLImageRotateRequest(rotation=rotation, image=_header(shape)), math.prod(shape)
    )


def _header(shape: Shape) -> NLImage:
    color = len(shape) > GRAY_RANK and shape[2] == COLOR_CHANNELS
    return NLImage(color=color, data=placeholder(0), width=shape[1], height=shape[0])


def null_image(text: str) -> bytes:
    """Return the answer that clients of the old convention take for a failure: 0×0, the text for pixels."""
    return NLImage(data=text.encode()).SerializeToString()
