"""NLImageService on the server: who may call, and what a call does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from imgsvc.errors import InvalidInputError, OverloadedError
from imgsvc.server.failure import Caller, fail, log_failure
from imgsvc.server.handlers import stream_unary
from imgsvc.server.pools import start_pool
from imgsvc.server.receive import BodyReader
from imgsvc.server.refusals import Abandoned, NotAMessage, ShuttingDown
from imgsvc.server.timer import Timed
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR
from imgsvc.wire.nl_image import mean_filter_request, nl_image_bytes, null_image, rotate_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc._images import Image
    from imgsvc.operations import Operation
    from imgsvc.server.admission import Admission, Call
    from imgsvc.server.cores import Cores
    from imgsvc.server.timer import CallTimer

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
            call = self._admission.enter()
        except (OverloadedError, ShuttingDown) as error:
            return self._refusal(method, error)
        return self._handler(method, parse, call)

    def close(self) -> None:
        """End the workers, after the calls they have."""
        self._workers.shutdown()
        self._refusals.shutdown()

    def _handler(self, method: str, parse: Parse, call: Call) -> grpc.RpcMethodHandler[bytes, bytes]:
        def handle(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            caller = Caller(method, "")
            try:
                call.watch(context)
                caller = Caller(method, context.peer())
                answer = self._answer(method, parse, call, messages, context)
            except InvalidInputError as error:
                if not self._null_image_errors:
                    fail(caller, context, error)
                log_failure(caller, grpc.StatusCode.INVALID_ARGUMENT, error)
                answer = null_image(str(error))
            except Exception as error:  # noqa: BLE001 - whatever bytes arrive, the server answers and lives on
                fail(caller, context, error)
            finally:
                call.release()
            self._time_delivery(context)
            return answer

        return stream_unary(handle, self._workers)

    def _answer(
        self, method: str, parse: Parse, call: Call, messages: Iterator[bytes], context: grpc.ServicerContext
    ) -> bytes:
        body = self._bodies.read_one(messages, context, method, since=call.since, hold=call.hold)
        try:
            operation, image = parse(body)
        except DecodeError:
            raise NotAMessage from None
        call.hold(image.size)  # the answer has as many pixels as the request
        result = self._cores.run(lambda num_threads: operation(image, num_threads=num_threads), image.size)
        if not context.is_active():
            raise Abandoned
        return nl_image_bytes(result)

    def _time_delivery(self, context: grpc.ServicerContext) -> None:
        """End the call if its client does not take the answer: until then the call holds its place."""
        details = f"answer: not taken within {self._timeout:g} s"
        timed = Timed(context, time.monotonic() + self._timeout, details)
        self._timer.start(timed)
        if not context.add_callback(lambda: self._timer.stop(timed)):  # it is over already
            self._timer.stop(timed)

    def _refusal(self, method: str, error: Exception) -> grpc.RpcMethodHandler[bytes, bytes]:
        def refuse(_messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            fail(Caller(method, context.peer()), context, error)

        return stream_unary(refuse, self._refusals)
