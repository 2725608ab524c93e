"""Server reflection, over every service that the server has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from imgsvc.runtime.pools import start_pool
from imgsvc.server.failure import refuse
from imgsvc.server.record import Record
from imgsvc.server.refusals import Refusal
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
"""Streams that are answered at a time: each keeps its thread while it is open, and more of them wait."""

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


class Reflection:
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
        # NLImageService is in a private pool, the others are in the default one; the servicer takes one.
        descriptors = DescriptorPool()
        for file in FILES:
            descriptors.AddSerializedFile(file.serialized_pb)
        names = [service.full_name for file in FILES for service in file.services_by_name.values()]
        self._servicer = reflection.ReflectionServicer(names, pool=descriptors)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the handler of the service."""

        # A function of its own, for its own pool: see imgsvc.server.health.
        def reflect(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            if self._check_caller is not None:
                record = Record(METHOD)
                try:
                    self._check_caller(context, record)
                except Refusal as refusal:
                    refuse(self._observers, record, context, refusal)
            return self._servicer.ServerReflectionInfo(requests, context)

        pooled: Any = reflect
        pooled.experimental_thread_pool = self._pool
        methods = {
            "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                pooled,
                reflection_pb2.ServerReflectionRequest.FromString,
                reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
        }
        return grpc.method_handlers_generic_handler(reflection.SERVICE_NAME, methods)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
