"""grpc.health.v1.Health, which answers whatever the image calls are doing.

It runs on threads of its own, and reads its calls against a timer and against each other, so that calls
without a body do not hold those threads. `Watch` has others than `Check`: it sends, which takes as long as a
client lets it. The services' health is the server's readiness; that of `LIVENESS`
says that the process works, to its very end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2

from imgsvc.runtime.pools import start_pool
from imgsvc.server.failure import refuse
from imgsvc.server.giving_way import GivingWay
from imgsvc.server.handlers import stream_unary
from imgsvc.server.receive import BodyReader
from imgsvc.server.record import begin
from imgsvc.server.refusals import LongMessage, NotAMessage, Refusal, TooManyWatchers, UnknownService
from imgsvc.server.watchers import NOTICE_SECONDS, Watcher, Watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc.server.observers import Observers
    from imgsvc.server.readiness import Readiness
    from imgsvc.server.record import Record
    from imgsvc.server.timer import CallTimer, Timed

    Check = Callable[[grpc.ServicerContext, Record], None]

__all__ = ["LIVENESS", "SERVICE_NAME", "Health"]

SERVICE_NAME: str = health.SERVICE_NAME

LIVENESS = "imgsvc.liveness"
"""The service whose health is that of the process: no secret, since whoever can connect knows as much."""

CHECK_THREADS, WATCH_THREADS = 32, 8
WATCH_PATIENCE = 0.25
"""A client that connects begins many watches at once; none of them is ended for the others."""

BODY_SECONDS = 5.0
"""A request of health is a few bytes and comes with its headers; gRPC may be busy reading larger ones."""

MAX_MESSAGE = 1024
"""Bytes: names of services are shorter, and what anybody may send is in no budget."""

MAX_WATCHERS = 1000

CHECK_LATE = "body: incomplete when later calls needed its place, expected with the headers"
WATCH_LATE = "watch: no body, or its status not taken, when later calls needed its place"

UNKNOWN = "unknown"
"""All services that there are not."""

CHECK, WATCH = f"/{health.SERVICE_NAME}/Check", f"/{health.SERVICE_NAME}/Watch"


class Health(grpc.GenericRpcHandler):
    """The health of one server. Only calls that fail are observed.

    Parameters
    ----------
    timer, observers, readiness
        The server's.
    services
        That there are.
    check
        Raises a Refusal for calls of those who may not ask; None where everybody may.
    """

    def __init__(
        self,
        timer: CallTimer,
        services: tuple[str, ...],
        observers: Observers,
        readiness: Readiness,
        *,
        check: Check | None = None,
    ) -> None:
        self._timer = timer
        self._services = {"", *services}
        self._observers = observers
        self._readiness = readiness
        self._check_caller = check
        self._bodies = BodyReader(timer, BODY_SECONDS)
        self._checks = GivingWay(CHECK_THREADS, CHECK_LATE)
        self._check_pool = start_pool(CHECK_THREADS, "health")
        self._watches = GivingWay(WATCH_THREADS, WATCH_LATE, patience=WATCH_PATIENCE)
        self._watch_pool = start_pool(WATCH_THREADS, "watch")
        self._watchers = Watchers(timer, MAX_WATCHERS)
        readiness.listen(self._watchers.tell)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Answer its methods; this runs on gRPC's serving thread."""
        if handler_call_details.method not in {CHECK, WATCH}:
            return None
        record = begin(handler_call_details)
        if record.method == CHECK:
            self._checks.arrive()

            def check(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
                return self._check(record, messages, context)

            return stream_unary(check, self._check_pool)

        self._watches.arrive()

        def watch(
            messages: Iterator[bytes], context: grpc.ServicerContext, send: Callable[[bytes], None]
        ) -> None:
            self._watch(record, messages, context, send)

        non_blocking: Any = watch
        non_blocking.experimental_thread_pool = self._watch_pool
        non_blocking.experimental_non_blocking = True
        return grpc.stream_stream_rpc_method_handler(non_blocking)

    def notify(self) -> None:
        """Tell those who watch how things are, and wait for them a moment."""
        self._watchers.tell(NOTICE_SECONDS)

    def close(self) -> None:
        """End the threads."""
        self._check_pool.shutdown()
        self._watch_pool.shutdown()
        self._watchers.close()

    def _check(self, record: Record, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        timed = self._bodies.watch(context, record.begun)
        with self._checks.holding(timed, record.begun):
            service = self._read(timed, record, messages, context)
        if not self._knows(service):
            refuse(self._observers, record, context, UnknownService(service))
        return self._status(service)

    def _watch(
        self,
        record: Record,
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
        send: Callable[[bytes], None],
    ) -> None:
        timed = self._bodies.watch(context, record.begun)
        # Until its status is taken: a client may leave no room for it.
        with self._watches.holding(timed, record.begun):
            service = self._read(timed, record, messages, context)
            watched = service if self._knows(service) else UNKNOWN  # kept for as long as it is open
            watcher = Watcher(context, send, lambda: self._status(watched))
            if not context.add_callback(lambda: self._watchers.discard(watcher)):
                return
            if not self._watchers.add(watcher):
                refuse(self._observers, record, context, TooManyWatchers(MAX_WATCHERS))
            if not context.is_active():  # it may have ended before it was added
                self._watchers.discard(watcher)

    def _read(
        self, timed: Timed, record: Record, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> str:
        """Return the service that a call asks about, or end it."""
        try:
            body = self._bodies.read_one(messages, timed, record.method)
            if len(body) > MAX_MESSAGE:
                raise LongMessage(len(body), MAX_MESSAGE)
            service: str = health_pb2.HealthCheckRequest.FromString(body).service
            if self._check_caller is not None and service != LIVENESS:
                self._check_caller(context, record)
        except DecodeError:
            refuse(self._observers, record, context, NotAMessage())
        except Refusal as refusal:
            refuse(self._observers, record, context, refusal)
        finally:
            self._timer.stop(timed)
        return service

    def _knows(self, service: str) -> bool:
        return service in self._services or service == LIVENESS

    def _status(self, service: str) -> bytes:
        message: bytes = health_pb2.HealthCheckResponse(status=self._health_of(service)).SerializeToString()
        return message

    def _health_of(self, service: str) -> Any:
        if not self._knows(service):
            return health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        if service == LIVENESS or self._readiness():
            return health_pb2.HealthCheckResponse.SERVING
        return health_pb2.HealthCheckResponse.NOT_SERVING
