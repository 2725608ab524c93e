"""Unary image calls: screened at their headers, received, worked on, answered."""

from __future__ import annotations

import functools
import math
import time
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from imgsvc.errors import InvalidInputError, OverloadedError, StoppedError
from imgsvc.server.call import QUEUE, RECEIVE, Request
from imgsvc.server.inflate import inflate, is_gzip
from imgsvc.server.refusals import Abandoned, IncompleteBody, NoMessage, NotAMessage, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgsvc.runtime.fair_pool import CallersWork, FairPool
    from imgsvc.server.bodies import Bodies
    from imgsvc.server.caching import Caching
    from imgsvc.server.call import Call
    from imgsvc.server.context import ServerContext
    from imgsvc.server.prepared import Method, Prepared

__all__ = ["UnaryCalls"]

CANCELLED = "cancelled, or over the message limit, which gRPC answers with RESOURCE_EXHAUSTED"


class UnaryCalls:
    """Answers calls of the methods that it has by name.

    Parameters
    ----------
    methods
        By name.
    context, bodies, workers
        The server's.
    caching
        Where answers are kept; None for nowhere.
    body_seconds
        In which a body is to arrive.
    max_bytes
        Of a message.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        context: ServerContext,
        bodies: Bodies,
        workers: FairPool,
        *,
        caching: Caching | None,
        body_seconds: float,
        max_bytes: int,
    ) -> None:
        self.methods = methods
        self._screen = context.screen
        self._limiter = context.limiter
        self._calls = context.calls
        self._observers = context.observers
        self._bodies = bodies
        self._workers = workers
        self._caching = caching
        self._body_seconds = body_seconds
        self._max_bytes = max_bytes

    # On the transport's thread.

    def begin(self, call: Call) -> None:
        """Take a call whose headers have come, or refuse it unread."""
        call.on_end = self._observers.finished
        try:
            self._screen.check(call)
        except (OverloadedError, Refusal) as error:
            self._calls.fail(call, error)
            return
        call.wait_until(call.begun + self._body_seconds, self._late)
        self._bodies.receive(call, self._received)

    def _received(self, call: Call, body: bytes | None) -> None:
        call.due = math.inf
        if body is None:
            call.rpc.receive(lambda _: self._no_body(call))  # news of a cancellation come after
            return
        call.note(RECEIVE, call.begun, time.monotonic())
        call.request_bytes = len(body)
        if self._observers.captures:
            call.request = Request(len(body), lambda: body)
        try:
            self._limiter.try_acquire(call, len(body))
        except (OverloadedError, Refusal) as error:
            self._calls.fail(call, error)
            return
        call.on_end = self._over
        call.limiter = self._limiter
        method = self.methods[call.method]
        prepared = None if is_gzip(body) else method.find(body)
        if prepared is not None and prepared.at_once and self._caching is None:
            self._work(call, method, body, prepared)
        else:
            self._calls.watch(call)
            call.hold()
            work = self._workers.submit_for(call.flow, self._take, call, method, body, prepared)
            call.on_closed = functools.partial(self._withdraw, call, work)

    def _withdraw(self, call: Call, work: CallersWork) -> None:
        """Let a call that is over wait no more."""
        if self._workers.withdraw(work):
            self._limiter.done(call, finished=False)
            call.leave()

    def _no_body(self, call: Call) -> None:
        broken_off = IncompleteBody(grpc.StatusCode.CANCELLED, CANCELLED)
        self._calls.fail(call, NoMessage(call.method), broken_off)

    def _late(self) -> Exception:
        details = f"body: incomplete after {self._body_seconds:g} s, expected in full by then"
        return IncompleteBody(grpc.StatusCode.DEADLINE_EXCEEDED, details)

    # On a worker, or of a small call on the transport's thread.

    def _take(self, call: Call, method: Method, body: bytes, prepared: Prepared | None) -> None:
        try:
            call.note(QUEUE, call.stages[-1][2], time.monotonic())
            self._work(call, method, body, prepared)
        finally:
            call.leave()

    def _work(self, call: Call, method: Method, body: bytes, prepared: Prepared | None) -> None:
        answer = None
        try:
            answer = self._answer(call, method, body, prepared)
        except InvalidInputError as error:
            if method.on_invalid_input is None:
                self._fail(call, error)
            else:
                call.fail(error)
                answer = method.on_invalid_input(str(error))
        except Exception as error:  # noqa: BLE001 - whatever bytes arrive, the server answers and lives on
            self._fail(call, error)
        if answer is not None:
            self._calls.answer(call, answer)

    def _fail(self, call: Call, error: Exception) -> None:
        if call.over:  # and nobody hears
            call.fail(error)
            call.answered = time.monotonic()
        else:
            self._calls.fail(call, error)

    def _answer(self, call: Call, method: Method, body: bytes, prepared: Prepared | None) -> bytes:
        answer, stopped = b"", None
        try:
            if call.held < len(body):
                self._limiter.hold_body(call, len(body))
            if prepared is None and is_gzip(body):
                body = inflate(body, self._max_bytes, call, self._limiter)
            answer = self._computed(call, prepared or method.prepare(body))
        except DecodeError:
            raise NotAMessage from None
        except StoppedError as error:
            stopped = error.with_traceback(None)  # or it would hold this frame, which holds it
        finally:
            call.answer_bytes = len(answer)
            self._limiter.done(call, finished=bool(answer))
        if stopped or call.over:
            self._limiter.cores.note_waste(call)
            raise Abandoned(stopped or StoppedError(cancelled=True), call.core_seconds)
        return answer

    def _computed(self, call: Call, prepared: Prepared) -> bytes:
        """Return the answer, which may be found."""
        price = prepared.price
        if self._caching is not None:
            key = self._caching.key(prepared, call)
            if key is not None:
                return self._caching.answer(key, call, price, lambda: prepared.run(call))
        self._limiter.charge(call, price)
        return prepared.run(call).message

    def _over(self, call: Call) -> None:
        if call.expired is not None:
            self._limiter.cores.note_waste(call)
        self._limiter.release(call)
        self._observers.finished(call)
