"""grpc.health.v1.Health, which answers whatever the image calls are doing.

All of it runs on the transport's thread and waits for nothing. The services' health is the server's
readiness; that of `LIVENESS` says that the process works, to its very end.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2

from imgsvc.server.bodies import Bodies
from imgsvc.server.inflate import inflate_small, is_gzip
from imgsvc.server.refusals import (
    IncompleteBody,
    LongMessage,
    NoMessage,
    NotAMessage,
    NotTaken,
    Refusal,
    TooManyWatchers,
    UnknownService,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.call import Call
    from imgsvc.server.observers import Observers
    from imgsvc.server.open_calls import OpenCalls
    from imgsvc.server.readiness import Readiness

    Check = Callable[[Call], None]

__all__ = ["CHECK", "LIVENESS", "SERVICE_NAME", "WATCH", "Health"]

SERVICE_NAME: str = health.SERVICE_NAME
CHECK, WATCH = f"/{health.SERVICE_NAME}/Check", f"/{health.SERVICE_NAME}/Watch"

LIVENESS = "imgsvc.liveness"
"""The service whose health is that of the process: no secret, since whoever can connect knows as much."""

BODY_SECONDS = 5.0
"""A request of health is a few bytes and comes with its headers; gRPC may be busy reading larger ones."""

MAX_MESSAGE = 1024
"""Bytes: names of services are shorter, and what anybody may send is in no budget."""

MAX_BODIES = 256
MAX_WATCHERS = 1000

NOTICE_SECONDS = 1.0
"""For a watcher to take a status, a few bytes: one that reads nothing is ended."""


class Health:
    """The health of one server. Only calls that fail are observed.

    Parameters
    ----------
    calls, observers, readiness
        The server's.
    services
        That there are.
    check
        Raises a Refusal for calls of those who may not ask; None where everybody may.
    """

    def __init__(
        self,
        calls: OpenCalls,
        services: tuple[str, ...],
        observers: Observers,
        readiness: Readiness,
        *,
        check: Check | None = None,
    ) -> None:
        self._calls = calls
        self._services = {"", *services}
        self._observers = observers
        self._readiness = readiness
        self._check_caller = check
        self.bodies = Bodies(MAX_BODIES, "health checks that have not arrived")
        self._watchers: dict[Call, _Watcher] = {}
        self._lock = threading.Lock()
        self._taken = threading.Condition(self._lock)
        readiness.listen(self._tell)

    def begin(self, call: Call) -> None:
        """Take a call."""
        call.on_end = self._over
        call.wait_until(call.begun + BODY_SECONDS, _late)
        self.bodies.receive(call, self._received)

    def notify(self) -> None:
        """Tell those who watch how things are, and wait for them a moment."""
        self._tell()
        with self._taken:
            self._taken.wait_for(
                lambda: not any(each.sending for each in self._watchers.values()), NOTICE_SECONDS
            )

    def _received(self, call: Call, body: bytes | None) -> None:
        call.wait_no_more()
        try:
            service = self._service(call, body)
            if call.method == CHECK and not self._knows(service):
                raise UnknownService(service)
        except Refusal as refusal:
            self._calls.fail(call, refusal)
            return
        if call.method == CHECK:
            self._calls.answer(call, self._status(service))
        else:
            self._watch(call, service)

    def _service(self, call: Call, body: bytes | None) -> str:
        """Return the service that a call asks about."""
        if body is None:
            raise NoMessage(call.method)
        if len(body) > MAX_MESSAGE:
            raise LongMessage(len(body), MAX_MESSAGE)
        if is_gzip(body):
            body = inflate_small(body, MAX_MESSAGE)
        try:
            service: str = health_pb2.HealthCheckRequest.FromString(body).service
        except DecodeError:
            raise NotAMessage from None
        if self._check_caller is not None and service != LIVENESS:
            self._check_caller(call)
        return service

    def _watch(self, call: Call, service: str) -> None:
        with self._lock:
            full = len(self._watchers) >= MAX_WATCHERS and not self._make_room()
            if not full:
                # A name that there is not is the same as any other, and not kept.
                watcher = self._watchers[call] = _Watcher(service if self._knows(service) else UNKNOWN)
        if full:
            self._calls.fail(call, TooManyWatchers(MAX_WATCHERS))
            return
        call.on_closed = lambda: self._forget(call)
        self._calls.watch(call)
        with self._lock:
            self._tell_one(call, watcher)

    def _make_room(self) -> bool:
        """End one that takes nothing, with the lock held, though it has a moment left; return if one was."""
        slow = next((call for call, watcher in self._watchers.items() if watcher.sending), None)
        if slow is not None:
            del self._watchers[slow]
            slow.expire(_not_taken())
        return slow is not None

    def _forget(self, call: Call) -> None:
        with self._lock:
            self._watchers.pop(call, None)
            self._taken.notify_all()

    def _tell(self) -> None:
        """Tell all who watch how things are; on any thread."""
        with self._lock:
            for call, watcher in list(self._watchers.items()):
                self._tell_one(call, watcher)

    def _tell_one(self, call: Call, watcher: _Watcher) -> None:
        """Send a watcher the status, with the lock held, if it is another than before and that was taken."""
        status = self._status(watcher.service)
        if watcher.sending or status == watcher.told:
            return
        watcher.told = status
        watcher.sending = True
        call.wait_until(time.monotonic() + NOTICE_SECONDS, _not_taken)
        call.rpc.send(status, lambda: self._sent(call, watcher))

    def _sent(self, call: Call, watcher: _Watcher) -> None:
        with self._lock:
            watcher.sending = False
            call.wait_no_more()
            if call in self._watchers:
                self._tell_one(call, watcher)
            self._taken.notify_all()

    def _over(self, call: Call) -> None:
        watched = call.method == WATCH and call.watched and call.expired is None
        if call.code != "OK" and not watched:
            self._observers.finished(call)

    def _knows(self, service: str) -> bool:
        return service in self._services or service == LIVENESS

    def _status(self, service: str) -> bytes:
        if not self._knows(service):
            return UNKNOWN_STATUS
        return SERVING if service == LIVENESS or self._readiness() else NOT_SERVING


class _Watcher:
    """What somebody who watches was told."""

    __slots__ = ("sending", "service", "told")

    def __init__(self, service: str) -> None:
        self.service = service
        self.told: bytes | None = None
        self.sending = False


UNKNOWN = "unknown"
"""All services that there are not."""

SERVING, NOT_SERVING, UNKNOWN_STATUS = (
    health_pb2.HealthCheckResponse(status=status).SerializeToString()
    for status in (
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
        health_pb2.HealthCheckResponse.SERVICE_UNKNOWN,
    )
)


def _late() -> Exception:
    details = f"body: incomplete after {BODY_SECONDS:g} s, expected in full by then"
    return IncompleteBody(grpc.StatusCode.DEADLINE_EXCEEDED, details)


def _not_taken() -> Exception:
    return NotTaken(NOTICE_SECONDS)
