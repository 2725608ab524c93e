"""What a server tells of itself: health and reflection, each on threads of its own.

Neither waits for image calls, and a client that holds reflection streams open does not hold health checks.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from imgsvc.server.nl_image_service import SERVICE_NAME
from imgsvc.stubs import nl_image_service_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS = {"Check": 4, "Watch": 2, "ServerReflectionInfo": 4}
"""Calls of a method that are worked on at a time; a reflection stream keeps its thread while it is open."""

SERVICES = (nl_image_service_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR)


class Introspection:
    """The health and reflection services of one server."""

    def __init__(self) -> None:
        self._pools = {
            name: ThreadPoolExecutor(count, thread_name_prefix=f"imgsvc-{name}")
            for name, count in THREADS.items()
        }
        self._health = health.HealthServicer()
        self._health.set(SERVICE_NAME, health_pb2.HealthCheckResponse.SERVING)
        self._reflection = _reflection_servicer()

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """Return the handlers of both services.

        They are functions made here, not methods of the servicers: grpcio looks for the pool on the function,
        and a class's methods are shared with every other server in the process.
        """

        def check(request: Any, context: grpc.ServicerContext) -> Any:
            return self._health.Check(request, context)

        def watch(request: Any, context: grpc.ServicerContext, send: Callable[[Any], None]) -> None:
            self._health.Watch(request, context, send)

        def reflect(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            return self._reflection.ServerReflectionInfo(requests, context)

        functions: dict[str, Any] = {"Check": check, "Watch": watch, "ServerReflectionInfo": reflect}
        for name, function in functions.items():
            function.experimental_thread_pool = self._pools[name]
        functions["Watch"].experimental_non_blocking = True

        request, response = (
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )
        health_methods = {
            "Check": grpc.unary_unary_rpc_method_handler(check, request, response),
            "Watch": grpc.unary_stream_rpc_method_handler(watch, request, response),
        }
        reflection_methods = {
            "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                reflect,
                reflection_pb2.ServerReflectionRequest.FromString,
                reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
        }
        return (
            grpc.method_handlers_generic_handler(health.SERVICE_NAME, health_methods),
            grpc.method_handlers_generic_handler(reflection.SERVICE_NAME, reflection_methods),
        )

    def not_serving(self) -> None:
        """Say NOT_SERVING from now on, to those who ask and those who watch."""
        self._health.enter_graceful_shutdown()

    def close(self) -> None:
        """End the threads."""
        for pool in self._pools.values():
            pool.shutdown()


def _reflection_servicer() -> reflection.ReflectionServicer:
    # NLImageService is in a private pool and the others in the default one; reflection asks one for all.
    pool = DescriptorPool()
    for file in SERVICES:
        pool.AddSerializedFile(file.serialized_pb)
    names = [service.full_name for file in SERVICES for service in file.services_by_name.values()]
    return reflection.ReflectionServicer(names, pool=pool)
