"""The messages of NLImageService ↔ arrays and operations.

Whatever a valid message may hold is checked here, as Python integers and before anything is allocated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imgsvc.errors import InvalidImageError, InvalidParameterError
from imgsvc.operations import MeanFilter, Operation, Rotate90
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest

if TYPE_CHECKING:
    from imgsvc._images import Image

__all__ = [
    "from_nl_image",
    "mean_filter_request",
    "nl_image_bytes",
    "null_image",
    "rotate_request",
    "to_nl_image",
]

# The field's number, and how its value is encoded: as a length and bytes.
DATA_TAG = bytes([NLImage.DATA_FIELD_NUMBER << 3 | 2])
VARINT_BITS = 0x7F
ROTATIONS = dict(NLImageRotateRequest.Rotation.items())
COLOR_CHANNELS = 3
GRAY_RANK = 2


def mean_filter_request(body: bytes) -> tuple[Operation, Image]:
    """Return what a MeanFilter request asks for.

    Raises
    ------
    google.protobuf.message.DecodeError
        `body` is no `NLImage`.
    InvalidImageError
        It is one, but no image.
    """
    return MeanFilter(), from_nl_image(NLImage.FromString(body))


def rotate_request(body: bytes) -> tuple[Operation, Image]:
    """Return what a RotateImage request asks for.

    Raises
    ------
    google.protobuf.message.DecodeError
        `body` is no `NLImageRotateRequest`.
    InvalidImageError, InvalidParameterError
        It is one, but without a valid image, or with a rotation that the contract does not have.
    """
    request = NLImageRotateRequest.FromString(body)
    if request.rotation not in ROTATIONS.values():
        known = ", ".join(f"{name} ({number})" for name, number in ROTATIONS.items())
        raise InvalidParameterError("rotation", request.rotation, f"one of {known}")
    if not request.HasField("image"):
        raise InvalidImageError("image", "missing", "an NLImage")
    return Rotate90(request.rotation), from_nl_image(request.image, "image.")


def from_nl_image(message: NLImage, prefix: str = "") -> Image:
    """Return a view of a message's pixels, (H, W) when gray, (H, W, 3) when colour.

    Raises
    ------
    InvalidImageError
        Width or height is not positive, or the length of the data is not what they make. The error names the
        field, with `prefix` before it.
    """
    for name, size in (("width", message.width), ("height", message.height)):
        if size < 1:
            raise InvalidImageError(prefix + name, size, "at least 1")
    shape = (
        (message.height, message.width, COLOR_CHANNELS) if message.color else (message.height, message.width)
    )
    channels = COLOR_CHANNELS if message.color else 1
    expected = message.width * message.height * channels
    data = message.data  # each look at the field copies it
    if len(data) != expected:
        raise InvalidImageError(
            prefix + "data",
            f"{len(data)} bytes",
            f"{expected} bytes: width {message.width} x height {message.height} x {channels} "
            f"channel{'s' if message.color else ''} (color is {'true' if message.color else 'false'})",
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def to_nl_image(image: Image) -> NLImage:
    """Return the message that carries a gray or RGB image."""
    color = image.ndim > GRAY_RANK and image.shape[2] == COLOR_CHANNELS
    return NLImage(color=color, data=image.tobytes(), width=image.shape[1], height=image.shape[0])


def nl_image_bytes(image: Image) -> bytes:
    """Return `to_nl_image(image).SerializeToString()` for a C-contiguous image, with one copy of its pixels.

    protobuf and NumPy make three on the way, and hold the GIL meanwhile.
    """
    color = image.ndim > GRAY_RANK and image.shape[2] == COLOR_CHANNELS
    before = NLImage(color=color).SerializeToString()
    after = NLImage(width=image.shape[1], height=image.shape[0]).SerializeToString()
    return b"".join((before, DATA_TAG, _varint(image.size), image.data.cast("B"), after))


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > VARINT_BITS:
        parts.append(value & VARINT_BITS | VARINT_BITS + 1)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def null_image(text: str) -> bytes:
    """Return the answer that clients of the old convention take for a failure: 0×0, the text for pixels."""
    return NLImage(data=text.encode()).SerializeToString()
