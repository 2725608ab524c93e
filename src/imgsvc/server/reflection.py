"""Server reflection, of both versions, over every service that the server has."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from imgsvc.server.inflate import inflate_small, is_gzip
from imgsvc.server.refusals import LongMessage, NotAMessage, Refusal, StreamEnded
from imgsvc.stubs import nl_image_service_pb2
from imgsvc.v1 import image_pb2, image_service_pb2, operations_pb2, recipe_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.call import Call
    from imgsvc.server.observers import Observers
    from imgsvc.server.open_calls import OpenCalls

    Check = Callable[[Call], None]

__all__ = ["METHODS", "Reflection"]

ALPHA, V1 = "grpc.reflection.v1alpha", "grpc.reflection.v1"
METHODS = tuple(f"/{package}.ServerReflection/ServerReflectionInfo" for package in (ALPHA, V1))

MAX_STREAMS = 256
"""Open at a time; of further ones the oldest of the connection that has the most gives way."""

MAX_MESSAGE = 4096
"""Bytes of a request, which names a file, a message or a method."""

SECONDS = 30.0
"""For a client to take an answer."""

# Files after those that they import.
FILES = (
    any_pb2.DESCRIPTOR,
    duration_pb2.DESCRIPTOR,
    status_pb2.DESCRIPTOR,
    error_details_pb2.DESCRIPTOR,
    nl_image_service_pb2.DESCRIPTOR,
    image_pb2.DESCRIPTOR,
    operations_pb2.DESCRIPTOR,
    recipe_pb2.DESCRIPTOR,
    image_service_pb2.DESCRIPTOR,
    health_pb2.DESCRIPTOR,
    reflection_pb2.DESCRIPTOR,
)


class Reflection:
    """The reflection service of one server, on the transport's thread: each answer is at hand.

    Parameters
    ----------
    calls, observers
        The server's.
    check
        Raises a Refusal for calls of those who may not ask; None where everybody may.
    """

    def __init__(self, calls: OpenCalls, observers: Observers, check: Check | None = None) -> None:
        self._calls = calls
        self._observers = observers
        self._check_caller = check
        self._streams: dict[Call, None] = {}
        # NLImageService is in a private pool, the others are in the default one; the servicer takes one.
        descriptors = DescriptorPool()
        names = []
        for file in FILES:
            descriptors.AddSerializedFile(file.serialized_pb)
            names += [service.full_name for service in file.services_by_name.values()]
        descriptors.AddSerializedFile(_first_version().SerializeToString())
        names.append(f"{V1}.ServerReflection")
        self._servicer = reflection.ReflectionServicer(names, pool=descriptors)

    def begin(self, call: Call) -> None:
        """Take a stream."""
        call.on_end = self._over
        try:
            if self._check_caller is not None:
                self._check_caller(call)
        except Refusal as refusal:
            self._calls.fail(call, refusal)
            return
        if len(self._streams) >= MAX_STREAMS:
            self._end_one()
        self._streams[call] = None
        call.on_closed = lambda: self._streams.pop(call, None)
        self._calls.watch(call)
        self._next(call)

    def _next(self, call: Call) -> None:
        call.wait_no_more()
        call.rpc.receive(lambda message: self._received(call, message))

    def _received(self, call: Call, message: bytes | None) -> None:
        if call.expired is not None or call.over:
            return
        if message is None:
            call.answered = time.monotonic()
            self._calls.finish(call, 0, "")
            return
        try:
            answer = self._answer(message)
        except Refusal as refusal:
            self._calls.fail(call, refusal)
            return
        call.wait_until(time.monotonic() + SECONDS, StreamEnded)
        call.rpc.send(answer, lambda: self._next(call))

    def _answer(self, message: bytes) -> bytes:
        if len(message) > MAX_MESSAGE:
            raise LongMessage(len(message), MAX_MESSAGE)
        if is_gzip(message):
            message = inflate_small(message, MAX_MESSAGE)
        try:
            request = reflection_pb2.ServerReflectionRequest.FromString(message)
        except DecodeError:
            raise NotAMessage from None
        context: Any = None  # of which the servicer makes no use
        [answer] = self._servicer.ServerReflectionInfo(iter([request]), context)
        serialized: bytes = answer.SerializeToString()
        return serialized

    def _end_one(self) -> None:
        peers = [call.peer for call in self._streams]
        most = max(peers, key=peers.count)
        oldest = next(call for call in self._streams if call.peer == most)
        del self._streams[oldest]
        oldest.expire(StreamEnded())

    def _over(self, call: Call) -> None:
        if call.code not in {"OK", "CANCELLED"}:
            self._observers.finished(call)


def _first_version() -> FileDescriptorProto:
    """Return the file of version 1, which has the messages of the one before under another name."""
    file = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    file.name = file.name.replace("v1alpha", "v1")
    file.package = V1
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(ALPHA, V1)
    for method in file.service[0].method:
        method.input_type = method.input_type.replace(ALPHA, V1)
        method.output_type = method.output_type.replace(ALPHA, V1)
    return file
