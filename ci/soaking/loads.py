"""Kinds of load: each is one thing that a client does, well or badly; returns how it ended."""

from __future__ import annotations

import contextlib
import io
import random
import socket
import time
from typing import TYPE_CHECKING

import grpc
import numpy as np
from PIL import Image

import imgsvc
from imgsvc.errors import RequestRefusedError, ServiceError, ServiceTimeoutError, ServiceUnavailableError
from imgsvc.v1 import image_pb2, image_service_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Load = Callable[["Place", random.Random], str]

__all__ = ["LOADS", "OUTCOMES", "Place"]

OUTCOMES = ("done", "refused", "stopped", "busy")

PIPELINES = ("mean", "gaussian_blur 2 | rotate90 1", "resize width=64 resample=lanczos | sharpen", "invert")
SIDES = (1, 17, 64, 200, 640, 1400)
PROCESS = "/imgsvc.v1.ImageService/Process"
BATCH = "/imgsvc.v1.ImageService/ProcessBatch"
WATCH = "/grpc.health.v1.Health/Watch"


class Place:
    """A server, and a client that stays connected to it.

    Parameters
    ----------
    target
        ``"127.0.0.1:50051"``.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.client = imgsvc.Client(target, timeout=30.0, retries=0)

    def channel(self) -> grpc.Channel:
        """Connect, to something that no other channel shares."""
        return grpc.insecure_channel(self.target, options=(("grpc.use_local_subchannel_pool", 1),))

    def close(self) -> None:
        """Close the client."""
        self.client.close()


class WrongAnswerError(Exception):
    """What came is not what the library computes."""


def image_of(chance: random.Random, side: int | None = None) -> np.ndarray:
    """Return an image of some size, gray, RGB or RGBA."""
    height, width = (side or chance.choice(SIDES) for _ in range(2))
    shape = (height, width, *chance.choice([(), (3,), (4,)]))
    return np.random.default_rng(chance.getrandbits(32)).integers(0, 256, shape, dtype=np.uint8)


def _file_of(chance: random.Random) -> bytes:
    stream = io.BytesIO()
    kind = chance.choice(["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
    Image.fromarray(image_of(chance, chance.choice(SIDES[:-1]))).convert("RGB").save(stream, kind)
    return stream.getvalue()


def pixels(place: Place, chance: random.Random) -> str:
    """Process an array, and compare."""
    image, pipeline = image_of(chance), chance.choice(PIPELINES)
    if not np.array_equal(place.client.process(image, pipeline).array, imgsvc.Pipeline(pipeline).run(image)):
        raise WrongAnswerError(f"{pipeline} of {image.shape}")
    return "done"


def old_contract(place: Place, chance: random.Random) -> str:
    """Call NLImageService, and compare."""
    image = image_of(chance)[..., :3]
    if image.ndim > 2 and image.shape[2:] != (3,):
        image = image[..., 0]
    if not np.array_equal(place.client.mean_filter(image), imgsvc.mean_filter(image)):
        raise WrongAnswerError(f"mean_filter of {image.shape}")
    return "done"


def files(place: Place, chance: random.Random) -> str:
    """Process a file."""
    result = place.client.process(_file_of(chance), "resize width=40", output=chance.choice(["jpeg", "png"]))
    if result.width != 40:
        raise WrongAnswerError(f"{result.width} columns")
    return "done"


def batch(place: Place, chance: random.Random) -> str:
    """Send a batch with bad files in it."""
    items = [_file_of(chance) if chance.random() < 0.9 else b"\xff\xd8\xffno image" for _ in range(20)]
    count = sum(1 for _ in place.client.process_many(items, "resize width=32"))
    if count != len(items):
        raise WrongAnswerError(f"{count} results of {len(items)}")
    return "done"


def reconnect(place: Place, chance: random.Random) -> str:
    """Connect, call once, and leave."""
    with imgsvc.Client(place.target, retries=0) as client:
        client.invert(image_of(chance, 8))
    return "done"


def cancelled(place: Place, chance: random.Random) -> str:
    """Begin something large, and go away."""
    with place.channel() as channel:
        call = channel.unary_unary(PROCESS).future(_request(image_of(chance, 1400), "gaussian_blur 9"))
        time.sleep(chance.random() * 0.05)
        call.cancel()
    return "stopped"


def deadline(place: Place, chance: random.Random) -> str:
    """Leave less time than it takes."""
    place.client.process(image_of(chance, 1400), "gaussian_blur 20", timeout=chance.random() * 0.02)
    return "done"


def bad_request(place: Place, chance: random.Random) -> str:
    """Send what is no request, or a wrong one."""
    good = _request(image_of(chance, 9), chance.choice(["", "nothing", "crop left=99 width=1 height=1"]))
    body = chance.choice([good[: len(good) // 2], chance.randbytes(500), b"", _request(None, "mean"), good])
    with place.channel() as channel:
        try:
            channel.unary_unary(chance.choice([PROCESS, "/imgsvc.v1.ImageService/Nothing"]))(body, timeout=30)
        except grpc.RpcError as error:
            expected = {
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.UNIMPLEMENTED,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
            }
            not_a_message = "Exception deserializing request!"
            if error.code() not in expected and error.details() != not_a_message:
                raise
            return "refused"
    return "done"


def slow_reader(place: Place, chance: random.Random) -> str:
    """Send a batch, take one answer late, and go away."""
    image = image_of(chance, 300)
    message = image_service_pb2.ProcessBatchRequest(items=[_item(image) for _ in range(8)])
    with place.channel() as channel:
        call = channel.stream_stream(BATCH)(iter([message.SerializeToString()] * 4), timeout=30)
        time.sleep(chance.random())
        next(call, None)
        call.cancel()
    return "stopped"


def half_open(place: Place, chance: random.Random) -> str:
    """Connect without gRPC: say nothing, or nonsense; or send headers and no body."""
    host, _, port = place.target.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), 5) as peer:
        if chance.random() < 0.7:
            peer.sendall(chance.choice([b"GET / HTTP/1.1\r\n\r\n", chance.randbytes(300)]))
        time.sleep(chance.random() * 0.2)
    return "stopped"


def no_body(place: Place, chance: random.Random) -> str:
    """Open a call, and send no message before it is cancelled."""

    def nothing() -> Iterator[bytes]:
        time.sleep(0.3)
        yield from ()

    with place.channel() as channel:
        call = channel.stream_unary(PROCESS).future(nothing())
        time.sleep(chance.random() * 0.2)
        call.cancel()
    return "stopped"


def watch(place: Place, chance: random.Random) -> str:
    """Watch its health for a moment."""
    with place.channel() as channel:
        call = channel.unary_stream(WATCH)(b"", timeout=30)
        next(call)
        time.sleep(chance.random() * 0.05)
        call.cancel()
    return "done"


LOADS: tuple[Load, ...] = (
    pixels, old_contract, files, batch, reconnect, cancelled, deadline, bad_request, slow_reader, half_open,
    no_body, watch,
)  # fmt: skip


def outcome_of(load: Load, place: Place, chance: random.Random) -> str:
    """Do it once; return how it ended, one of `OUTCOMES`, or raise what should not have happened."""
    try:
        return load(place, chance)
    except ServiceTimeoutError:
        return "stopped"
    except (ServiceUnavailableError, RequestRefusedError) as error:
        if error.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return "busy"
        raise
    except (ServiceError, grpc.RpcError) as error:
        code = error.code if isinstance(error, ServiceError) else error.code()
        if code in {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED}:
            return "busy" if code is grpc.StatusCode.RESOURCE_EXHAUSTED else "stopped"
        raise


def _request(image: np.ndarray | None, text: str) -> bytes:
    message = image_service_pb2.ProcessRequest()
    if image is not None:
        message.image.CopyFrom(_image(image))
    message.recipe.text = text
    return message.SerializeToString()


def _item(image: np.ndarray) -> image_service_pb2.BatchItem:
    return image_service_pb2.BatchItem(id="1", image=_image(image))


def _image(image: np.ndarray) -> image_pb2.Image:
    height, width, *channels = image.shape
    return image_pb2.Image(
        pixels=image_pb2.Pixels(
            width=width, height=height, channels=channels[0] if channels else 1, data=image.tobytes()
        )
    )
