"""Messages of images ↔ pixels and files; the bytes stay where they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.errors import InvalidImageError
from imgsvc.recipes.source import ImageFile, RawImage, Source
from imgsvc.v1.image_pb2 import (
    ColorSpace,
    DataType,
    EncodedImage,
    Format,
    Image,
    Pixels,
)
from imgsvc.wire.envelope import placeholder
from imgsvc.wire.operations import enum_number, enum_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc._images import Shape

__all__ = ["PAYLOADS", "encoded_header", "payload_field", "pixels_header", "pixels_of", "read_source"]

PAYLOADS = ("pixels.data", "encoded.data")
"""Where the payloads are in an `Image`."""

DTYPES: dict[str, np.dtype[Any]] = {
    "uint8": np.dtype(np.uint8),
    "uint16": np.dtype("<u2"),
    "float32": np.dtype("<f4"),
}
MAX_CHANNELS = (1, 3, 4)
GRAY_RANK = 2
MAX_SIDE = 2**31 - 1


def read_source(
    message: Image, payload: Callable[[bytes], memoryview], field: str, *, without_pixels: bool = False
) -> Source:
    """Return what a request gives as its image; pixels and files are views of the request.

    Parameters
    ----------
    message, payload
        The image, and what finds its payload.
    field
        Where it stands in the request.
    without_pixels
        Whether an image without its pixels is taken, as a plan needs no more.

    Raises
    ------
    InvalidImageError
        It is missing or of an unknown kind, or its fields do not fit each other.
    """
    kind = message.WhichOneof("source")
    if kind == "encoded":
        data = payload(message.encoded.data)
        if not data:
            raise InvalidImageError(f"{field}.encoded.data", "0 bytes", "an image file")
        return ImageFile(data)
    if kind == "pixels":
        return _raw(message.pixels, payload(message.pixels.data), f"{field}.pixels", without_pixels)
    raise InvalidImageError(field, "without a source that this server knows", "pixels or encoded")


def _raw(message: Pixels, data: memoryview, field: str, without_pixels: bool) -> RawImage:
    channels = message.channels or 1
    for name, size in (("width", message.width), ("height", message.height)):
        if not 1 <= size <= MAX_SIDE:
            raise InvalidImageError(f"{field}.{name}", size, f"1 to {MAX_SIDE}")
    if channels not in MAX_CHANNELS:
        raise InvalidImageError(f"{field}.channels", channels, "1, 3 or 4")
    name = enum_word(DataType.DESCRIPTOR, message.dtype, f"{field}.dtype") or "uint8"
    dtype = DTYPES[name]
    shape: Shape = (message.height, message.width) + ((channels,) if channels > 1 else ())
    expected = math.prod(shape) * dtype.itemsize
    if without_pixels and not data:
        return RawImage(shape, dtype, None, message.icc_profile or None)
    if len(data) != expected:
        raise InvalidImageError(
            f"{field}.data",
            f"{len(data)} bytes",
            f"{expected} bytes: width {message.width} x height {message.height} x {channels} "
            f"channel{'s' if channels > 1 else ''} of {name}",
        )
    return RawImage(shape, dtype, pixels_of(data, shape, dtype), message.icc_profile or None)


def payload_field(message: Image) -> bytes:
    """Return the field of an image that has its payload."""
    return message.pixels.data if message.WhichOneof("source") == "pixels" else message.encoded.data


def pixels_of(data: memoryview, shape: Shape, dtype: np.dtype[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    """Return a view of `data`, or a copy where its place in the message is none for values of that size."""
    array: np.ndarray[Any, np.dtype[Any]] = np.ndarray(shape, dtype, data)
    return array if array.flags.aligned else array.copy()


def pixels_header(shape: Shape, dtype: np.dtype[Any], icc_profile: bytes | None, index: int) -> Image:
    """Return the message of a raw image whose pixels are payload `index`."""
    return Image(
        pixels=Pixels(
            width=shape[1],
            height=shape[0],
            channels=shape[2] if len(shape) > GRAY_RANK else 1,
            dtype=enum_number(DataType.DESCRIPTOR, dtype.name),  # type: ignore[arg-type]  # an enum is an int
            color_space=ColorSpace.COLOR_SPACE_ICC if icc_profile else ColorSpace.COLOR_SPACE_UNSPECIFIED,
            icc_profile=icc_profile or b"",
            data=placeholder(index),
        )
    )


def encoded_header(kind: str | None, width: int, height: int, index: int) -> Image:
    """Return the message of an image file which is payload `index`."""
    number = enum_number(Format.DESCRIPTOR, kind)
    return Image(
        encoded=EncodedImage(data=placeholder(index), format=number, width=width, height=height)  # type: ignore[arg-type]
    )
