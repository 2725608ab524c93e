"""How each server is called: a file in, a file out that nobody reads, and no more work than that.

`benchmarks.service.load` takes one of these by its name, one connection or one a thread.
"""

from __future__ import annotations

import http.client
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import grpc

from benchmarks.service.clients import DEADLINE_SECONDS
from benchmarks.service.serving import UNLIMITED
from benchmarks.thumbnails.work import QUALITY, WIDTH, opened, photo, thumbnail_size
from imgsvc import resize
from imgsvc.codec import EncodeOptions, decode, encode
from imgsvc.recipes.planning import SHRINK_MARGIN
from imgsvc.v1 import image_pb2, image_service_pb2, recipe_pb2

if TYPE_CHECKING:
    from benchmarks.service.images import Image, Shape
    from imgsvc.codec import Format

PROCESS = "/imgsvc.v1.ImageService/Process"
OK = 200


class ProcessClient:
    """A bare stub of gRPC's with a request of imgsvc's own contract, made beforehand."""

    format: ClassVar[Format]

    def __init__(self, target: str) -> None:
        channel = grpc.insecure_channel(target, options=UNLIMITED)
        self._process: Any = channel.unary_unary(PROCESS)

    def prepare(self, shape: Shape) -> bytes:
        kind = f"FORMAT_{self.format.upper()}"
        request = image_service_pb2.ProcessRequest(
            image=image_pb2.Image(encoded=image_pb2.EncodedImage(data=photo(shape))),
            recipe=recipe_pb2.Recipe(
                text=f"resize width={WIDTH} resample=lanczos",
                outputs=[recipe_pb2.Output(encoding=recipe_pb2.Encoding(format=kind, quality=QUALITY))],
            ),
        )
        return request.SerializeToString()

    def call(self, request: bytes) -> bytes:
        answer: bytes = self._process(request, timeout=DEADLINE_SECONDS)
        return answer

    def pixels(self, answer: bytes) -> Image:
        (result,) = image_service_pb2.ProcessResponse.FromString(answer).results
        return opened(result.image.encoded.data)


class HttpClient:
    """A connection a thread, kept open."""

    format: ClassVar[Format]

    def __init__(self, target: str) -> None:
        self._target = target
        self._of_thread = threading.local()

    def prepare(self, shape: Shape) -> bytes:
        return photo(shape)

    def call(self, request: bytes) -> bytes:
        connection = self._connection()
        connection.request("POST", f"/{self.format}", request, {"Content-Type": "image/jpeg"})
        response = connection.getresponse()
        answer = response.read()
        assert response.status == OK, answer[:200]
        return answer

    def pixels(self, answer: bytes) -> Image:
        return opened(answer)

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._target, timeout=DEADLINE_SECONDS)
            self._of_thread.connection = connection
        return connection


class InProcess:
    """No server at all: imgsvc's own decoder, resize and encoder, on one thread."""

    format: ClassVar[Format]

    def __init__(self, target: str) -> None:
        del target

    def prepare(self, shape: Shape) -> tuple[bytes, tuple[int, int]]:
        return photo(shape), thumbnail_size(shape[1], shape[0])

    def call(self, request: tuple[bytes, tuple[int, int]]) -> bytes:
        data, size = request
        enough = SHRINK_MARGIN * size[0], SHRINK_MARGIN * size[1]  # as the server has it
        image = decode(data, at_least=enough).frames[0]
        small = resize(image, width=size[0], height=size[1], resample="lanczos", num_threads=1)
        return encode(small, self.format, EncodeOptions(quality=QUALITY))

    def pixels(self, answer: bytes) -> Image:
        return opened(answer)


class ProcessJpeg(ProcessClient):
    format = "jpeg"


class ProcessWebp(ProcessClient):
    format = "webp"


class HttpJpeg(HttpClient):
    format = "jpeg"


class HttpWebp(HttpClient):
    format = "webp"


class InProcessJpeg(InProcess):
    format = "jpeg"


class InProcessWebp(InProcess):
    format = "webp"
