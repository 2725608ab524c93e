"""How each kind of client sends an image and reads the answer.

All threads of a load generator share one of these, and with it one connection, as `imgsvc.Client` is meant to
be used. It has no option to do otherwise, so its peers share theirs too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import grpc
import numpy as np

import imgsvc
from benchmarks.service.generated import MEAN_FILTER, NLImage
from benchmarks.service.images import noise
from benchmarks.service.serving import UNLIMITED

if TYPE_CHECKING:
    from benchmarks.service.images import Image, Shape

DEADLINE_SECONDS = 60.0
"""The default of `imgsvc.Client`."""


class Client(Protocol):
    """Calls MeanFilter. What `prepare` does is not timed, what `call` does is."""

    def prepare(self, shape: Shape) -> Any:
        """Return what `call` takes: a request with an image of that shape."""

    def call(self, request: Any) -> Any:
        """Send it, and return the answer as this client's user gets it."""

    def pixels(self, answer: Any) -> Image:
        """Return the answer's pixels."""


class ImgsvcClient:
    """`imgsvc.Client`: an array in, an array out."""

    def __init__(self, target: str) -> None:
        self._client = imgsvc.Client(target)

    def prepare(self, shape: Shape) -> Image:
        return noise(shape)

    def call(self, request: Image) -> Image:
        return self._client.mean_filter(request)

    def pixels(self, answer: Image) -> Image:
        return answer


class StockClient:
    """A generated stub: an array in, a message each way, an array out."""

    def __init__(self, target: str) -> None:
        # What the generated stub does.
        self._mean_filter = grpc.insecure_channel(target, options=UNLIMITED).unary_unary(
            MEAN_FILTER,
            request_serializer=NLImage.SerializeToString,
            response_deserializer=NLImage.FromString,
        )

    def prepare(self, shape: Shape) -> Image:
        return noise(shape)

    def call(self, request: Image) -> Image:
        height, width = request.shape[:2]
        message = NLImage(color=request.ndim > 2, data=request.tobytes(), width=width, height=height)
        answer = self._mean_filter(message)
        return np.frombuffer(answer.data, np.uint8).reshape(request.shape)

    def pixels(self, answer: Image) -> Image:
        return answer


class BytesClient:
    """The leanest one: bytes made beforehand in, bytes that nobody reads out; with a deadline."""

    def __init__(self, target: str) -> None:
        channel = grpc.insecure_channel(target, options=UNLIMITED)
        self._mean_filter: Any = channel.unary_unary(MEAN_FILTER)

    def prepare(self, shape: Shape) -> bytes:
        image = noise(shape)
        height, width = shape[:2]
        message = NLImage(color=image.ndim > 2, data=image.tobytes(), width=width, height=height)
        body: bytes = message.SerializeToString()
        return body

    def call(self, request: bytes) -> bytes:
        answer: bytes = self._mean_filter(request, timeout=DEADLINE_SECONDS)
        return answer

    def pixels(self, answer: bytes) -> Image:
        message = NLImage.FromString(answer)
        shape = (message.height, message.width, 3) if message.color else (message.height, message.width)
        return np.frombuffer(message.data, np.uint8).reshape(shape)
