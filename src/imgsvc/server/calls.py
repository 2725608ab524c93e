"""Unary image calls: who may call, and how a call is read, answered and ended."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, TypeVar

import grpc
from google.protobuf.message import DecodeError

from imgsvc.errors import InvalidInputError, OverloadedError, StoppedError
from imgsvc.runtime.cores import Job
from imgsvc.server.caller import caller_of
from imgsvc.server.failure import fail, note_failure, refuse
from imgsvc.server.handlers import stream_unary
from imgsvc.server.receive import BodyReader
from imgsvc.server.record import QUEUE, RECEIVE, Request, begin
from imgsvc.server.refusals import Abandoned, NotAMessage, NotTaken, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imgsvc.runtime.cores import Cores
    from imgsvc.server.gate import Gate
    from imgsvc.server.observers import Observers
    from imgsvc.server.overload.admission import Entry
    from imgsvc.server.overload.backlog import Backlog
    from imgsvc.server.overload.price import Price
    from imgsvc.server.record import Record
    from imgsvc.server.timer import CallTimer, Timed
    from imgsvc.server.workers import Workers

    Answer = Callable[[bytes, "Call"], bytes]

__all__ = ["Call", "Method", "UnaryCalls"]

T = TypeVar("T")

NOTED_SECONDS = 1e-3
"""A wait for room: below that nobody waited."""


@dataclasses.dataclass(frozen=True)
class Method:
    """What a method answers.

    Attributes
    ----------
    answer
        Makes an answer of a request.
    on_invalid_input
        Makes an answer of the text of an error, for contracts that have such answers; None for a status.
    """

    answer: Answer
    on_invalid_input: Callable[[str], bytes] | None = None


@dataclasses.dataclass(frozen=True)
class Call:
    """A call that a worker has taken."""

    context: grpc.ServicerContext
    entry: Entry
    job: Job
    timed: Timed
    cores: Cores
    record: Record
    backlog: Backlog

    def hold(self, num_bytes: int, share: int = 1) -> None:
        """Count bytes for the call, and wait for a moment where there are too many.

        Raises
        ------
        LimitExceededError
            They are more than a share of all.
        OverloadedError
            They do not fit into it now.
        StoppedError
            The call was over before.
        """
        start = time.monotonic()
        held = self.entry.hold(num_bytes, self._is_over, share)
        end = time.monotonic()
        if end - start > NOTED_SECONDS:
            self.record.note(QUEUE, start, end)
        if not held:
            raise StoppedError(cancelled=self.job.stop.cancelled)

    def admit(self, price: Price) -> None:
        """Ask for what the call will take; called once it is planned, before anything is allocated.

        Raises
        ------
        LimitExceededError
            It takes more bytes than there are.
        OverloadedError, OverQuota, TooLate
            There is no room for it now, or its caller has had too much, or it would take too long.
        StoppedError
            The call was over while it waited for room.
        """
        account = self.entry.account
        if account is not None:
            account.check_pixels()
        self.record.pixels = price.pixels
        self.job.predicted = price.core_seconds
        self.backlog.admit(self.job, self.record.waited)
        self.hold(price.num_bytes)
        if account is not None:
            account.spend(price.pixels)

    def compute(self, function: Callable[[int], T], num_bytes: int, most: int | None = None) -> T:
        """Return what `function` does with the threads that it is granted; see `Cores.run`."""
        return self.cores.run(function, num_bytes, self.job, most)

    def _is_over(self) -> bool:
        remaining = self.job.stop.remaining
        return self.job.stop.cancelled or (remaining is not None and remaining <= 0)


class UnaryCalls(grpc.GenericRpcHandler):
    """Answers the methods that it is given by name; they are unary on the wire (see `imgsvc.server.receive`).

    Calls that are let in wait for a worker, unread. Calls that are not are refused without one, so that
    workers which are all held do not delay the refusal.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        gate: Gate,
        cores: Cores,
        timer: CallTimer,
        observers: Observers,
        *,
        workers: Workers,
        backlog: Backlog,
        timeout: float,
    ) -> None:
        self._methods = methods
        self._gate = gate
        self._cores = cores
        self._timer = timer
        self._observers = observers
        self._bodies = BodyReader(timer, timeout)
        self._timeout = timeout
        self._workers = workers
        self._backlog = backlog

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Let a call in, or refuse it; this runs on gRPC's serving thread, when the headers have come."""
        name = handler_call_details.method
        method = self._methods.get(name)
        if method is None:
            return None
        record = begin(handler_call_details)
        try:
            entry = self._gate.enter(handler_call_details, record)
        except (OverloadedError, Refusal) as error:
            return self._gate.denial(record, error) or self._refusal(record, error)
        return self._handler(method, entry, record)

    def close(self) -> None:
        """End the workers, after the calls they have."""
        self._workers.close()

    def _handler(self, method: Method, entry: Entry, record: Record) -> grpc.RpcMethodHandler[bytes, bytes]:
        place = self._workers.place(record, entry)

        def handle(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            if place.refused is not None:
                entry.release()
                entry.release()
                refuse(self._observers, record, context, place.refused)
            try:
                record.peer = context.peer()
                taken = time.monotonic()
                record.note(QUEUE, record.begun, taken)
                call = self._begin(entry, context, record)
                self._gate.identify(context, record, entry)
                call.job.caller = caller_of(record)
                place.receive()
                body = self._bodies.read_one(messages, call.timed, record.method)
                place.received()
                record.request_bytes = len(body)
                if self._observers.captures:
                    record.request = Request(len(body), lambda: body)
                record.note(RECEIVE, taken, time.monotonic())
                answer = self._answer(method, body, call)
                record.answer_bytes = len(answer)
            except InvalidInputError as error:
                if method.on_invalid_input is None:
                    fail(record, context, error)
                note_failure(record, error)
                answer = method.on_invalid_input(str(error))
                record.answer_bytes = len(answer)
            except Exception as error:  # noqa: BLE001 - whatever bytes arrive, the server answers and lives on
                fail(record, context, error)
            finally:
                record.answered = time.monotonic()
                place.leave()
                self._release(entry, record)
            # Until its client has taken the answer, the call holds its place.
            call.timed.resume(record.answered + self._timeout, NotTaken.text(self._timeout))
            return answer

        return stream_unary(handle, place)

    def _begin(self, entry: Entry, context: grpc.ServicerContext, record: Record) -> Call:
        job = Job(context.time_remaining(), record.note)
        timed = self._bodies.watch(context, entry.since)
        call = Call(context, entry, job, timed, self._cores, record, self._backlog)

        def ended() -> None:
            self._timer.stop(call.timed)
            call.job.cancel()
            if call.timed.expired:
                self._cores.note_waste(call.job)
                if record.answered and record.code == "OK":
                    note_failure(record, NotTaken(self._timeout))
            self._release(entry, record)

        if not context.add_callback(ended):  # it is over already
            ended()
        return call

    def _answer(self, method: Method, body: bytes, call: Call) -> bytes:
        answer, stopped = b"", None
        try:
            call.hold(len(body), share=2)  # or all of it would be requests, without room for an answer
            answer = method.answer(body, call)
        except DecodeError:
            raise NotAMessage from None
        except StoppedError as error:
            stopped = error.with_traceback(None)  # or it would hold this frame, which holds it
        finally:
            # Its client may take its time over the answer, and the work's bytes are free meanwhile.
            call.entry.keep(len(body) + len(answer))
            call.record.core_seconds = call.job.core_seconds
            self._backlog.leave(call.job, finished=bool(answer))
        if stopped or not call.context.is_active():
            self._cores.note_waste(call.job)
            raise Abandoned(stopped or StoppedError(cancelled=True), call.job.core_seconds)
        return answer

    def _release(self, entry: Entry, record: Record) -> None:
        if entry.release():
            self._observers.finished(record)

    def _refusal(self, record: Record, error: Exception) -> grpc.RpcMethodHandler[bytes, bytes]:
        def end(_messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            refuse(self._observers, record, context, error)

        return stream_unary(end, self._workers.refusals)
