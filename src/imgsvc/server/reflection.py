"""Server reflection, over every service that the server has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from imgsvc.runtime.pools import start_pool
from imgsvc.stubs import nl_image_service_pb2
from imgsvc.v1 import image_pb2, image_service_pb2, operations_pb2, recipe_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Reflection"]

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
    """The reflection service of one server."""

    def __init__(self) -> None:
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
