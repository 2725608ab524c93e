"""NLImageService on the server: who may call, and what a call does."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from imgsvc.errors import InvalidInputError, OverloadedError, StoppedError
from imgsvc.runtime.cores import Job
from imgsvc.runtime.pools import start_pool
from imgsvc.server.failure import Caller, fail, log_failure
from imgsvc.server.handlers import stream_unary
from imgsvc.server.receive import BodyReader
from imgsvc.server.refusals import Abandoned, NotAMessage, ShuttingDown
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR
from imgsvc.wire.nl_image import draft_image, mean_filter_request, null_image, rotate_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc._images import Image
    from imgsvc.operations import Operation
    from imgsvc.runtime.cores import Cores
    from imgsvc.server.admission import Admission, Entry
    from imgsvc.server.timer import CallTimer, Timed

    Parse = Callable[[bytes], tuple[Operation, Image]]

__all__ = ["SERVICE_NAME", "NLImageService"]

SERVICE_NAME = DESCRIPTOR.services_by_name["NLImageService"].full_name

METHODS: dict[str, Parse] = {
    f"/{SERVICE_NAME}/MeanFilter": mean_filter_request,
    f"/{SERVICE_NAME}/RotateImage": rotate_request,
}


class NLImageService(grpc.GenericRpcHandler):
    """Answers both RPCs; the methods are unary on the wire (see `imgsvc.server.receive`).

    Calls that are let in wait for a worker, unread. Calls that are not are refused on a thread of its own, so
    that workers which are all held do not delay the refusal.
    """

    def __init__(
        self,
        admission: Admission,
        cores: Cores,
        timer: CallTimer,
        *,
        timeout: float,
        workers: int,
        null_image_errors: bool,
    ) -> None:
        self._admission = admission
        self._cores = cores
        self._timer = timer
        self._bodies = BodyReader(timer, timeout)
        self._timeout = timeout
        self._not_taken = f"answer: not taken within {timeout:g} s"
        self._null_image_errors = null_image_errors
        self._workers = start_pool(workers, "worker")
        self._refusals = start_pool(1, "refusal")

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Let a call in, or refuse it; this runs on gRPC's serving thread, when the headers have come."""
        method = handler_call_details.method
        parse = METHODS.get(method)
        if parse is None:
            return None
        try:
            entry = self._admission.enter()
        except (OverloadedError, ShuttingDown) as error:
            return self._refusal(method, error)
        return self._handler(method, parse, entry)

    def close(self) -> None:
        """End the workers, after the calls they have."""
        self._workers.shutdown()
        self._refusals.shutdown()

    def _handler(self, method: str, parse: Parse, entry: Entry) -> grpc.RpcMethodHandler[bytes, bytes]:
        def handle(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            caller = Caller(method, "")
            try:
                caller = Caller(method, context.peer())
                call = self._begin(entry, context)
                body = self._bodies.read_one(messages, call.timed, method, hold=entry.hold)
                answer = self._answer(parse, body, call)
            except InvalidInputError as error:
                if not self._null_image_errors:
                    fail(caller, context, error)
                log_failure(caller, grpc.StatusCode.INVALID_ARGUMENT, error)
                answer = null_image(str(error))
            except Exception as error:  # noqa: BLE001 - whatever bytes arrive, the server answers and lives on
                fail(caller, context, error)
            finally:
                entry.release()
            # Until its client has taken the answer, the call holds its place.
            call.timed.resume(time.monotonic() + self._timeout, self._not_taken)
            return answer

        return stream_unary(handle, self._workers)

    def _begin(self, entry: Entry, context: grpc.ServicerContext) -> _Call:
        call = _Call(context, entry, Job(context.time_remaining()), self._bodies.watch(context, entry.since))

        def ended() -> None:
            self._timer.stop(call.timed)
            call.job.cancel()
            if call.timed.expired:
                self._cores.note_waste(call.job)
            entry.release()

        if not context.add_callback(ended):  # it is over already
            ended()
        return call

    def _answer(self, parse: Parse, body: bytes, call: _Call) -> bytes:
        try:
            operation, image = parse(body)
        except DecodeError:
            raise NotAMessage from None
        shape = operation.output_shape(image.shape)
        call.entry.hold(math.prod(shape))
        answer = draft_image(shape)

        def compute(num_threads: int) -> None:
            operation.compute(image, answer.pixels, num_threads, call.job.stop)

        stopped = None
        try:
            self._cores.run(compute, image.size, call.job)
        except StoppedError as error:
            stopped = error
        if stopped or not call.context.is_active():
            self._cores.note_waste(call.job)
            raise Abandoned(stopped or StoppedError(cancelled=True), call.job.core_seconds)
        return answer.finish()

    def _refusal(self, method: str, error: Exception) -> grpc.RpcMethodHandler[bytes, bytes]:
        def refuse(_messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            fail(Caller(method, context.peer()), context, error)

        return stream_unary(refuse, self._refusals)


class _Call(NamedTuple):
    """A call that a worker has taken."""

    context: grpc.ServicerContext
    entry: Entry
    job: Job
    timed: Timed
