"""Messages with payloads: what is looked through here is what protobuf makes of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from fuzz import requests
from fuzz.target import Target
from imgsvc.errors import InvalidInputError, LimitExceededError
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest
from imgsvc.v1 import image_service_pb2 as v1
from imgsvc.wire.envelope import Envelope
from imgsvc.wire.image import PAYLOADS
from imgsvc.wire.nl_image import mean_filter_request, read_answer, rotate_request
from imgsvc.wire.process import read_batch_response, read_response
from tests.payloads import parse, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ANSWERS", "ENVELOPES", "NL_IMAGES"]

KINDS: tuple[tuple[Any, list[str]], ...] = (
    (NLImage, ["data"]),
    (NLImageRotateRequest, ["image.data"]),
    (v1.ProcessRequest, [f"image.{path}" for path in PAYLOADS]),
    (v1.ProcessBatchRequest, [f"items.image.{path}" for path in PAYLOADS]),
    (v1.ProcessResponse, [f"results.image.{path}" for path in PAYLOADS]),
    (v1.ProcessBatchResponse, [f"results.response.results.image.{path}" for path in PAYLOADS]),
)
OPENERS = [Envelope(kind, *paths) for kind, paths in KINDS]


def check_envelope(data: bytes) -> None:
    """Open a message; the first byte tells of which kind."""
    if not data:
        return
    number = data[0] % len(KINDS)
    kind, paths = KINDS[number]
    body = data[1:]
    expected = parse(kind, body)
    try:
        opened = OPENERS[number].open(body)
    except LimitExceededError as error:
        assert len(body) >= error.limit, error  # no field and no number takes less than a byte
        return
    except (DecodeError, UnicodeDecodeError) as error:
        assert type(error) is expected, (error, expected)
        return
    assert not isinstance(expected, type), expected
    for path in paths:
        replace(opened.message, path, lambda field: opened.payload(field).tobytes())
    # As bytes: those tell what is missing from what is empty, and hold the unknown fields too.
    assert opened.message.SerializeToString() == expected.SerializeToString()


def check_nl_image(data: bytes) -> None:
    """Read what a stranger sends to NLImageService."""
    for read in (mean_filter_request, rotate_request):
        _read(read, data)


def check_answer(data: bytes) -> None:
    """Read what a stranger's server answers to our client."""
    for read in (read_answer, read_response, read_batch_response):
        _read(read, data)


def _read(read: Callable[[bytes], Any], data: bytes) -> None:
    with contextlib.suppress(DecodeError, InvalidInputError):
        read(data)


def _image() -> NLImage:
    return NLImage(color=True, width=2, height=2, data=bytes(range(12)))


def _nl_images() -> Iterable[bytes]:
    yield _image().SerializeToString()
    yield NLImageRotateRequest(rotation=3, image=_image()).SerializeToString()


def _answers() -> Iterable[bytes]:
    yield _image().SerializeToString()
    yield NLImage(data=b"image.width: 0, expected at least 1").SerializeToString()
    for image in requests.images():
        result = v1.OutputResult(name="small", image=image, notes=["only the first frame is used"])
        answer = v1.ProcessResponse(results=[result])
        yield answer.SerializeToString()
        yield v1.ProcessBatchResponse(results=[v1.BatchResult(id="1", response=answer)]).SerializeToString()
    failed = v1.Status(code=3, message="image: no bytes, expected an image", field="image")
    yield v1.ProcessBatchResponse(results=[v1.BatchResult(id="2", status=failed)]).SerializeToString()


def _messages() -> Iterable[bytes]:
    for message in (*_nl_images(), *requests.process_requests(), *requests.batches(), *_answers()):
        for number in range(len(KINDS)):
            yield bytes([number]) + message


ENVELOPES = Target("envelopes", check_envelope, _messages)
NL_IMAGES = Target("nl-images", check_nl_image, _nl_images)
ANSWERS = Target("answers", check_answer, _answers)
