"""The messages of `ImageService.Process` and `ProcessBatch` ↔ sources, recipes and results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.errors import InvalidImageError
from imgsvc.operations.affine import IDENTITY
from imgsvc.recipes.placement import Placement
from imgsvc.recipes.results import EncodedResult, FailedResult, RawResult, Result
from imgsvc.recipes.source import ImageFile
from imgsvc.v1.image_pb2 import EncodedImage, Format, Image
from imgsvc.v1.image_service_pb2 import (
    BatchItem,
    BatchResult,
    OutputResult,
    PlanRequest,
    ProcessBatchRequest,
    ProcessBatchResponse,
    ProcessRequest,
    ProcessResponse,
    Status,
)
from imgsvc.v1.image_service_pb2 import (
    Placement as PlacementMessage,
)
from imgsvc.wire.envelope import Draft, Envelope, Layout, Opened, delimiter, placeholder
from imgsvc.wire.image import PAYLOADS, encoded_header, pixels_header, read_source
from imgsvc.wire.operations import enum_word
from imgsvc.wire.recipe import recipe_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from imgsvc.recipes.recipe import Recipe
    from imgsvc.recipes.source import Source

__all__ = [
    "BATCH_REQUEST",
    "PLAN_REQUEST",
    "PROCESS_REQUEST",
    "batch_response_around",
    "batch_response_layout",
    "draft_batch_request",
    "draft_batch_response",
    "draft_request",
    "draft_response",
    "image_and_payload",
    "plan_request",
    "read_batch_response",
    "read_response",
    "response_layout",
]


def _below(place: str) -> list[str]:
    return [f"{place}.{payload}" for payload in PAYLOADS]


PROCESS_REQUEST = Envelope(ProcessRequest, *_below("image"))
PLAN_REQUEST = Envelope(PlanRequest, *_below("image"))
BATCH_REQUEST = Envelope(ProcessBatchRequest, *_below("items.image"))
RESPONSE = Envelope(ProcessResponse, *_below("results.image"))
RESULTS_FIELD = ProcessBatchResponse.DESCRIPTOR.fields_by_name["results"].number
RESPONSE_FIELD = BatchResult.DESCRIPTOR.fields_by_name["response"].number
BATCH_RESPONSE = Envelope(ProcessBatchResponse, *_below("results.response.results.image"))


class Payloads:
    """Numbers the payloads of an answer and keeps those that are there already."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.contents: list[bytes | memoryview | RawResult] = []

    def add(self, content: bytes | memoryview | RawResult, size: int) -> int:
        self.sizes.append(size)
        self.contents.append(content)
        return len(self.sizes) - 1

    def fill(self, draft: Draft) -> list[NDArray[Any]]:
        """Write what is there into a draft; return arrays for what is not, in order."""
        rooms = []
        for content, room in zip(self.contents, draft.payloads, strict=True):
            if isinstance(content, RawResult):
                rooms.append(_room(room, content))
            else:
                room[:] = content
        return rooms


def _room(room: memoryview, result: RawResult) -> NDArray[Any]:
    # Values of several bytes may lie unaligned there; NumPy knows, and copies them all the same.
    return np.ndarray(result.shape, result.dtype, room)


def response_layout(results: Sequence[RawResult]) -> Layout:
    """Return the layout of an answer to `Process` that has nothing but pixels."""
    payloads = Payloads()
    message = _response(results, payloads)
    return RESPONSE.layout(message, *payloads.sizes)


def draft_response(results: Sequence[Result]) -> tuple[Draft, list[NDArray[Any]]]:
    """Return the answer to `Process`, and an array in it for the pixels of each raw result, to be written."""
    payloads = Payloads()
    message = _response(results, payloads)
    draft = Draft(RESPONSE.layout(message, *payloads.sizes))
    return draft, payloads.fill(draft)


def draft_batch_response(
    results: Sequence[tuple[str, Sequence[Result] | FailedResult]],
) -> tuple[Draft, list[NDArray[Any]]]:
    """Return a message of results, and an array in it for the pixels of each raw one, to be written."""
    payloads = Payloads()
    message = ProcessBatchResponse(
        results=[
            BatchResult(id=name, status=_status(result))
            if isinstance(result, FailedResult)
            else BatchResult(id=name, response=_response(result, payloads))
            for name, result in results
        ]
    )
    draft = Draft(BATCH_RESPONSE.layout(message, *payloads.sizes))
    return draft, payloads.fill(draft)


def _response(results: Sequence[Result], payloads: Payloads) -> ProcessResponse:
    return ProcessResponse(results=[_result(result, payloads) for result in results])


def _result(result: Result, payloads: Payloads) -> OutputResult:
    if isinstance(result, FailedResult):
        return OutputResult(name=result.name, status=_status(result))
    if isinstance(result, RawResult):
        index = payloads.add(result, result.size)
        image = pixels_header(result.shape, result.dtype, result.icc_profile, index)
    else:
        index = payloads.add(result.data, len(result.data))
        image = encoded_header(result.format, result.width, result.height, index)
    placement = None if result.placement is None else _placement(result.placement)
    return OutputResult(name=result.name, image=image, notes=result.notes, placement=placement)


def _placement(placement: Placement) -> PlacementMessage:
    width, height = placement.source_width, placement.source_height
    return PlacementMessage(source_width=width, source_height=height, matrix=placement.matrix)


def _read_placement(message: OutputResult) -> Placement | None:
    """Return where an image is, if the server says so in a way that is known."""
    placement = message.placement
    if len(placement.matrix) != len(IDENTITY) or not all(map(math.isfinite, placement.matrix)):
        return None
    a, b, c, d, e, f = placement.matrix
    return Placement(placement.source_width, placement.source_height, (a, b, c, d, e, f))


def _status(result: FailedResult) -> Status:
    return Status(code=result.code, message=result.message, field=result.field)


def batch_response_around(name: str, response: bytes) -> bytes:
    """Return the message of `ProcessBatch` that has an answer to `Process` as the result of one item."""
    return _before_response(name, len(response)) + response


def batch_response_layout(name: str, response: Layout) -> Layout:
    """Return the layout of such a message, from that of the answer to `Process`."""
    return response.around(_before_response(name, response.size))


def _before_response(name: str, size: int) -> bytes:
    start = BatchResult(id=name).SerializeToString() + delimiter(RESPONSE_FIELD, size)
    return delimiter(RESULTS_FIELD, len(start) + size) + start


def read_response(body: bytes) -> list[Result]:
    """Return the results in an answer to `Process`; pixels and files are views of it.

    Raises
    ------
    google.protobuf.message.DecodeError
        `body` is no `ProcessResponse`.
    InvalidImageError
        It is one, but one of its images is none.
    """
    opened = RESPONSE.open(body)
    return _read_results(opened.message.results, opened.payload)


def read_batch_response(body: bytes) -> list[tuple[str, list[Result] | FailedResult]]:
    """Return the results in a message of `ProcessBatch`, by their items' ids; raises as `read_response`."""
    opened: Opened[ProcessBatchResponse] = BATCH_RESPONSE.open(body)
    return [
        (
            each.id,
            _failed("", each.status)
            if each.WhichOneof("result") == "status"
            else _read_results(each.response.results, opened.payload),
        )
        for each in opened.message.results
    ]


def _read_results(messages: Sequence[OutputResult], payload: Callable[[bytes], memoryview]) -> list[Result]:
    return [_read_result(message, payload) for message in messages]


def _read_result(message: OutputResult, payload: Callable[[bytes], memoryview]) -> Result:
    if message.HasField("status"):
        return _failed(message.name, message.status)
    image, notes, placement = message.image, tuple(message.notes), _read_placement(message)
    if image.WhichOneof("source") == "encoded":
        encoded = image.encoded
        kind = enum_word(Format.DESCRIPTOR, encoded.format, "format")
        data = payload(encoded.data)
        return EncodedResult(message.name, data, kind, encoded.width, encoded.height, notes, placement)
    source = read_source(image, payload, "image")
    pixels = getattr(source, "pixels", None)
    if pixels is None:
        raise InvalidImageError("image", "no pixels", "pixels")
    profile = image.pixels.icc_profile or None
    return RawResult(message.name, pixels.shape, pixels.dtype, profile, notes, pixels, placement)


def _failed(name: str, status: Status) -> FailedResult:
    return FailedResult(name, status.code, status.message, status.field)


def draft_request(source: Source, recipe: Recipe) -> tuple[Draft, NDArray[Any] | None]:
    """Return the request to run a recipe; a file is written, pixels have an array in it."""
    image, payloads = image_and_payload(source)
    message = ProcessRequest(image=image, recipe=recipe_message(recipe))
    draft = Draft(PROCESS_REQUEST.layout(message, *payloads.sizes))
    return draft, next(iter(payloads.fill(draft)), None)


def plan_request(source: Source, recipe: Recipe, file_bytes: int = 0) -> bytes:
    """Return the request to plan a recipe; pixels are left out, and of a file goes what is there.

    Parameters
    ----------
    file_bytes
        How many bytes a file has of which only the beginning is there.
    """
    image, _ = image_and_payload(source)
    if isinstance(source, ImageFile):
        image.encoded.data = bytes(source.data)
    else:
        image.pixels.data = b""
    request = PlanRequest(image=image, recipe=recipe_message(recipe), file_bytes=file_bytes)
    return request.SerializeToString()


def draft_batch_request(
    items: Sequence[tuple[str, Source]], recipe: Recipe | None
) -> tuple[Draft, list[NDArray[Any]]]:
    """Return a message of items, and the recipe for them and later ones, with an array for each raw image."""
    payloads = Payloads()
    message = ProcessBatchRequest(
        recipe=None if recipe is None else recipe_message(recipe),
        items=[BatchItem(id=name, image=image_and_payload(source, payloads)[0]) for name, source in items],
    )
    draft = Draft(BATCH_REQUEST.layout(message, *payloads.sizes))
    return draft, payloads.fill(draft)


def image_and_payload(source: Source, payloads: Payloads | None = None) -> tuple[Image, Payloads]:
    """Return an image as a message, with a number in place of its payload, and the payloads with that."""
    payloads = payloads or Payloads()
    if isinstance(source, ImageFile):
        index = payloads.add(source.data, len(source.data))
        return Image(encoded=EncodedImage(data=placeholder(index))), payloads
    result = RawResult("", source.shape, source.dtype)
    index = payloads.add(result, result.size)
    return pixels_header(source.shape, source.dtype, source.icc_profile, index), payloads
