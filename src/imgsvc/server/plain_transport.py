"""Plain transport: RPCs over `grpc.server`, for a grpcio without what `imgsvc.server.transport` needs.

Its public interface alone, and so with a thread for each RPC from its headers on: slower, and calls that send
nothing keep others out until they are too late.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from imgsvc.server.transport import Metadata

__all__ = ["PlainRpc", "PlainTransport"]

log = logging.getLogger("imgsvc.server")

THREADS = 64
TICK_SECONDS = 0.1
END = None
CODES = {code.value[0]: code for code in grpc.StatusCode}


class PlainTransport(grpc.GenericRpcHandler):
    """See `imgsvc.server.transport.Transport`."""

    name = "grpc.server"

    def __init__(
        self, options: Iterable[tuple[str, int]], accept: Callable[[Any], None], tick: Callable[[], None]
    ) -> None:
        self._accept = accept
        self._tick = tick
        self.readers = ThreadPoolExecutor(THREADS, "imgsvc-reader")
        self._events: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._server = grpc.server(ThreadPoolExecutor(THREADS, "imgsvc-rpc"), [self], options=tuple(options))
        self._thread = threading.Thread(target=self._run, name="imgsvc-events", daemon=True)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return what hands over an RPC, of whatever kind it is on the wire."""

        def serve(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            rpc = PlainRpc(self, handler_call_details, messages, context)
            self.do(lambda: self._accept(rpc))
            return rpc.outgoing()

        return grpc.stream_stream_rpc_method_handler(serve)

    def add_port(self, target: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listen on an address; return its port, 0 where that cannot be."""
        try:
            if credentials is None:
                return self._server.add_insecure_port(target)
            return self._server.add_secure_port(target, credentials)
        except RuntimeError:
            return 0

    def start(self) -> None:
        """Serve."""
        self._thread.start()
        self._server.start()

    def stop(self) -> None:
        """Cut off what is left, and end the threads."""
        self._server.stop(None).wait()
        self._events.put(None)
        self.readers.shutdown(wait=False)

    def do(self, event: Callable[[], None]) -> None:
        """Have something done on the one thread of events."""
        self._events.put(event)

    def _run(self) -> None:
        next_tick = time.monotonic() + TICK_SECONDS
        while True:
            try:
                event = self._events.get(timeout=max(next_tick - time.monotonic(), 0.0))
            except queue.Empty:
                event = self._tick
                next_tick = time.monotonic() + TICK_SECONDS
            if event is None:
                return
            try:
                event()
            except Exception:  # it serves everybody else
                log.exception("an event was not dealt with")


class PlainRpc:
    """See `imgsvc.server.transport.Rpc`."""

    def __init__(
        self,
        transport: PlainTransport,
        details: grpc.HandlerCallDetails,
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
    ) -> None:
        self._transport = transport
        self._messages = messages
        self._context = context
        self._outgoing: queue.SimpleQueue[tuple[bytes, Callable[[], None]] | None] = queue.SimpleQueue()
        self._closed: Callable[[bool], None] | None = None
        self._status: tuple[int, str, Metadata | None] | None = None
        self._over = False
        self.method = details.method
        self.metadata: Metadata = tuple(details.invocation_metadata or ())
        self.peer = context.peer()
        seconds = context.time_remaining()
        self.deadline = math.inf if seconds is None or seconds > 3e9 else time.monotonic() + seconds
        if not context.add_callback(self._ended):
            self._ended()

    def watch(self, closed: Callable[[bool], None]) -> None:
        """Have `closed` called at the end."""
        self._closed = closed
        if self._over:
            self._tell()

    def receive(self, received: Callable[[bytes | None], None]) -> None:
        """Ask for one message."""

        def read() -> None:
            try:
                message = next(self._messages, None)
            except Exception:  # noqa: BLE001 - the RPC is over, or the message too long; gRPC does not tell
                message = None
            self._transport.do(lambda: received(message))

        self._transport.readers.submit(read)

    def send(self, message: bytes, sent: Callable[[], None]) -> None:
        """Send one of several messages."""
        self._outgoing.put((message, sent))

    def finish(
        self,
        code: int,
        details: str = "",
        metadata: Metadata | None = None,
        message: bytes | None = None,
        closed: Callable[[bool], None] | None = None,
    ) -> None:
        """Send the last message, if any, and the status."""
        self._status = code, details, metadata
        if message is not None:
            self._outgoing.put((message, _nothing))
        self._outgoing.put(END)
        if closed is not None:
            self.watch(closed)

    def cancel(self, code: int, details: str) -> None:
        """End it with a status."""
        if self._status is None:
            self._status = code, details, None
            self._outgoing.put(END)
        else:
            self._context.cancel()

    def certificate_names(self) -> list[str]:
        """Return the names in its client's certificate; the common name first."""
        found: Any = self._context.auth_context()
        names = [*found.get("x509_common_name", ()), *found.get("x509_subject_alternative_name", ())]
        return [name.decode("utf-8", "replace") for name in names]

    def outgoing(self) -> Iterator[bytes]:
        """Yield what is sent, on gRPC's thread, and set the status."""
        while (item := self._outgoing.get()) is not END:
            message, sent = item
            yield message
            self._transport.do(sent)
        if self._status is not None:
            code, details, metadata = self._status
            self._context.set_code(CODES[code])
            self._context.set_details(details)
            if metadata:
                self._context.set_trailing_metadata(tuple(metadata))

    def _ended(self) -> None:
        self._over = True
        self._outgoing.put(END)
        if self._closed is not None:
            self._tell()

    def _tell(self) -> None:
        closed, self._closed = self._closed, None
        if closed is not None:
            self._transport.do(lambda: closed(self._status is None))


def _nothing() -> None:
    """Have no more to do."""
