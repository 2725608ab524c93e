"""Server reflection, over every service that the server has."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from imgsvc.runtime.pools import start_pool
from imgsvc.server.failure import refuse
from imgsvc.server.giving_way import GivingWay
from imgsvc.server.record import Record
from imgsvc.server.refusals import LongMessage, NotAMessage, Refusal
from imgsvc.server.timer import Timed
from imgsvc.stubs import nl_image_service_pb2
from imgsvc.v1 import image_pb2, image_service_pb2, operations_pb2, recipe_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc.server.observers import Observers

    Check = Callable[[grpc.ServicerContext, Record], None]

__all__ = ["SERVICE_NAME", "Reflection"]

SERVICE_NAME: str = reflection.SERVICE_NAME
METHOD = f"/{SERVICE_NAME}/ServerReflectionInfo"

STREAMS = 4
"""Streams that are answered at a time: each keeps its thread while it is open, or gives way to later ones."""

MAX_MESSAGE = 4096
"""Bytes of a request, which names a file, a message or a method."""

LATE = "stream: ended when later ones needed its place"

# Files after those that they import.
FILES = (
    nl_image_service_pb2.DESCRIPTOR,
    image_pb2.DESCRIPTOR,
    operations_pb2.DESCRIPTOR,
    recipe_pb2.DESCRIPTOR,
    image_service_pb2.DESCRIPTOR,
    health_pb2.DESCRIPTOR,
    reflection_pb2.DESCRIPTOR,
)


class Reflection(grpc.GenericRpcHandler):
    """The reflection service of one server.

    Parameters
    ----------
    observers
        See the calls that are refused.
    check
        Raises a Refusal for calls of those who may not ask; None where everybody may.
    """

    def __init__(self, observers: Observers, check: Check | None = None) -> None:
        self._observers = observers
        self._check_caller = check
        self._pool = start_pool(STREAMS, "reflection")
        self._queue = GivingWay(STREAMS, LATE)
        # NLImageService is in a private pool, the others are in the default one; the servicer takes one.
        descriptors = DescriptorPool()
        for file in FILES:
            descriptors.AddSerializedFile(file.serialized_pb)
        names = [service.full_name for file in FILES for service in file.services_by_name.values()]
        self._servicer = reflection.ReflectionServicer(names, pool=descriptors)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Answer its method; this runs on gRPC's serving thread."""
        if handler_call_details.method != METHOD:
            return None
        self._queue.arrive()

        # A function of its own, for its own pool: see imgsvc.server.health.
        def reflect(messages: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            timed = Timed(context, math.inf, "")
            self._queue.begin(timed, time.monotonic())
            if not context.add_callback(lambda: self._queue.leave(timed)):
                self._queue.leave(timed)
            if self._check_caller is not None:
                self._check(context, self._check_caller)
            return self._servicer.ServerReflectionInfo(self._requests(messages, context), context)

        pooled: Any = reflect
        pooled.experimental_thread_pool = self._pool
        return grpc.stream_stream_rpc_method_handler(
            pooled,
            None,
            reflection_pb2.ServerReflectionResponse.SerializeToString,
        )

    def _requests(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
        for message in messages:
            if len(message) > MAX_MESSAGE:
                self._refuse(context, LongMessage(len(message), MAX_MESSAGE))
            try:
                yield reflection_pb2.ServerReflectionRequest.FromString(message)
            except DecodeError:
                self._refuse(context, NotAMessage())

    def _refuse(self, context: grpc.ServicerContext, refusal: Refusal) -> NoReturn:
        refuse(self._observers, Record(METHOD), context, refusal)

    def _check(self, context: grpc.ServicerContext, check: Check) -> None:
        try:
            check(context, Record(METHOD))
        except Refusal as refusal:
            self._refuse(context, refusal)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
