"""Requests in files, to be sent again: a line of JSON, then the message as it came.

Without pixels, the message has a few bytes in place of each payload, and the line says how long each was.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from imgsvc.errors import ImageReadError
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchRequest
from imgsvc.wire.description import DESCRIBE_REQUEST
from imgsvc.wire.image import PAYLOADS
from imgsvc.wire.nl_image import IMAGE, ROTATE_REQUEST
from imgsvc.wire.process import BATCH_REQUEST, PLAN_REQUEST, PROCESS_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.v1.recipe_pb2 import Recipe
    from imgsvc.wire.envelope import Envelope

__all__ = ["CapturedRequest", "batch_of_one", "captured_file", "read_captured"]

FORMAT = "imgsvc-request/1"
MAX_HEADER = 1 << 20
MAX_PAYLOADS_BYTES = 1 << 31
"""gRPC's own limit of a message."""

ENVELOPES: dict[str, Envelope[Any]] = {
    "/NLImageService/MeanFilter": IMAGE,
    "/NLImageService/RotateImage": ROTATE_REQUEST,
    "/imgsvc.v1.ImageService/Process": PROCESS_REQUEST,
    "/imgsvc.v1.ImageService/Plan": PLAN_REQUEST,
    "/imgsvc.v1.ImageService/ProcessBatch": BATCH_REQUEST,
    "/imgsvc.v1.ImageService/Describe": DESCRIBE_REQUEST,
}


@dataclasses.dataclass(frozen=True)
class CapturedRequest:
    """A request of a file.

    Attributes
    ----------
    method
        Where it went: ``"/imgsvc.v1.ImageService/Process"``.
    about
        What else the line says: ``code``, ``details``, ``time``, ...
    body
        The message; zeros in place of pixels that were left out. None where all of it was.
    """

    method: str
    about: dict[str, Any]
    body: bytes | None


def captured_file(method: str, body: bytes, about: dict[str, Any], *, pixels: bool) -> bytes:
    """Return a request as a file has it, with its payloads or without.

    A message that cannot be told from its payloads is left out with them.
    """
    header = {"format": FORMAT, "method": method, **about, "request_bytes": len(body)}
    if not pixels and method in ENVELOPES:
        stripped = ENVELOPES[method].strip(body)
        header["payload_bytes"] = stripped and stripped[1]
        body = stripped[0] if stripped else b""
    return json.dumps(header).encode() + b"\n" + body


def read_captured(content: bytes, name: str) -> CapturedRequest:
    """Return the request of a file; `name` is for the error.

    Raises
    ------
    ImageReadError
        It is no such file.
    """
    line, _, body = content.partition(b"\n")
    try:
        about = json.loads(line[:MAX_HEADER])
        if about.pop("format") != FORMAT:
            raise ValueError  # noqa: TRY301
        method = str(about.pop("method"))
        sizes = about.get("payload_bytes", ())
        if sizes is None:
            return CapturedRequest(method, about, None)
        if sizes and sum(sizes) < MAX_PAYLOADS_BYTES:
            body = ENVELOPES[method].refill(body, sizes)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        raise ImageReadError(f"{name}: is no request that a server has kept") from None
    return CapturedRequest(method, about, body)


def batch_of_one(recipe: Recipe, item: BatchItem, payload: Callable[[bytes], memoryview]) -> bytes:
    """Return an item of a batch as a batch of its own; see `Opened.payload`."""
    alone = BatchItem()
    alone.CopyFrom(item)
    for path in PAYLOADS:
        name, field = path.split(".")
        if alone.image.HasField(name):
            part = getattr(alone.image, name)
            setattr(part, field, bytes(payload(getattr(part, field))))
    return ProcessBatchRequest(recipe=recipe, items=[alone]).SerializeToString()
