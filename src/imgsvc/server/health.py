"""grpc.health.v1.Health, which answers whatever the image calls are doing.

It runs on threads of its own. A Check is read against a timer, like an image call, so that calls without a
body do not hold those threads. Those who ask and those who watch have a servicer each: it sends to watchers
under its lock, and one that reads nothing would otherwise hold up every Check.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2

from imgsvc.runtime.pools import start_pool
from imgsvc.server.failure import refuse
from imgsvc.server.handlers import stream_unary
from imgsvc.server.receive import BodyReader
from imgsvc.server.record import Record
from imgsvc.server.refusals import NotAMessage, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc.server.observers import Observers
    from imgsvc.server.timer import CallTimer

__all__ = ["Health"]

CHECK_THREADS = 32
WATCH_THREADS = 2
BODY_SECONDS = 5.0
"""A request of health is a few bytes and comes with its headers; gRPC may be busy reading larger ones."""

NOTICE_SECONDS = 1.0
"""For telling the watchers of the end: one that reads nothing is not waited for."""

CHECK = f"/{health.SERVICE_NAME}/Check"


class Health:
    """The health of one server: SERVING until told otherwise. Only checks that fail are observed."""

    def __init__(self, timer: CallTimer, services: tuple[str, ...], observers: Observers) -> None:
        self._asked, self._watched = health.HealthServicer(), health.HealthServicer()
        for service in services:
            for servicer in (self._asked, self._watched):
                servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
        self._timer = timer
        self._observers = observers
        self._bodies = BodyReader(timer, BODY_SECONDS)
        self._check_pool = start_pool(CHECK_THREADS, "health")
        self._watch_pool = start_pool(WATCH_THREADS, "watch")

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the handler of the service."""

        # Functions, and not the servicer's methods: grpcio looks for the pool on them, and a class's methods
        # are shared with every other server in the process.
        def watch(request: Any, context: grpc.ServicerContext, send: Callable[[Any], None]) -> None:
            self._watched.Watch(request, context, send)

        non_blocking: Any = watch
        non_blocking.experimental_thread_pool = self._watch_pool
        non_blocking.experimental_non_blocking = True
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Check": stream_unary(self._check, self._check_pool),
            "Watch": grpc.unary_stream_rpc_method_handler(
                non_blocking,
                health_pb2.HealthCheckRequest.FromString,
                health_pb2.HealthCheckResponse.SerializeToString,
            ),
        }
        return grpc.method_handlers_generic_handler(health.SERVICE_NAME, methods)

    def not_serving(self) -> None:
        """Say NOT_SERVING from now on, to those who ask and those who watch."""
        self._asked.enter_graceful_shutdown()
        notice = threading.Thread(target=self._watched.enter_graceful_shutdown, daemon=True)
        notice.start()
        notice.join(NOTICE_SECONDS)

    def close(self) -> None:
        """End the threads."""
        self._check_pool.shutdown()
        self._watch_pool.shutdown()

    def _check(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        record = Record(CHECK)
        timed = self._bodies.watch(context, since=time.monotonic())
        try:
            body = self._bodies.read_one(messages, timed, CHECK)
            request = health_pb2.HealthCheckRequest.FromString(body)
        except DecodeError:
            refuse(self._observers, record, context, NotAMessage())
        except Refusal as refusal:
            refuse(self._observers, record, context, refusal)
        finally:
            self._timer.stop(timed)
        answer: bytes = self._asked.Check(request, context).SerializeToString()
        return answer
