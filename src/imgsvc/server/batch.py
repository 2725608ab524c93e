"""`ImageService.ProcessBatch`: a stream of images in, a stream of results out. Which streams there are."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc

from imgsvc.errors import OverloadedError
from imgsvc.runtime.pools import Inline, start_pool
from imgsvc.server.batch_stream import Stream
from imgsvc.server.failure import refuse
from imgsvc.server.image_service import SERVICE_NAME
from imgsvc.server.overload.share import Share
from imgsvc.server.record import begin
from imgsvc.server.refusals import Refusal, ShuttingDown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc.runtime.cores import Cores
    from imgsvc.server.gate import Gate
    from imgsvc.server.image_service import Processing
    from imgsvc.server.observers import Observers
    from imgsvc.server.overload.backlog import Backlog
    from imgsvc.server.record import Record
    from imgsvc.server.timer import CallTimer

__all__ = ["BatchStreams"]

METHOD = f"/{SERVICE_NAME}/ProcessBatch"

WORKERS_PER_CORE = 2


class BatchStreams(grpc.GenericRpcHandler):
    """Answers the method.

    Parameters
    ----------
    processing, gate, cores, timer, observers, backlog
        The server's.
    timeout
        Seconds in which a client with nothing under way sends something, and in which it takes results.
    num_cores
        How many of them there are.
    max_streams
        At a time; further ones are refused.
    max_items
        Under way at a time, of one stream.
    max_seconds
        After which a stream is drained.
    """

    def __init__(
        self,
        processing: Processing,
        gate: Gate,
        cores: Cores,
        timer: CallTimer,
        observers: Observers,
        *,
        backlog: Backlog,
        timeout: float,
        num_cores: int,
        max_streams: int,
        max_items: int,
        max_seconds: float,
    ) -> None:
        self.processing = processing
        self.gate = gate
        self.cores = cores
        self.timer = timer
        self.observers = observers
        self.backlog = backlog
        self.timeout = timeout
        self.max_items = max_items
        self.max_seconds = max_seconds
        self._max_streams = max_streams
        self.share = Share("batch streams", max_streams)
        self._streams: set[Stream] = set()
        self._draining = False
        self._places = max_streams
        self._lock = threading.Lock()
        self._senders = start_pool(max_streams, "stream")
        self.readers = start_pool(max_streams, "reader")
        self.items = start_pool(WORKERS_PER_CORE * num_cores, "item")
        self._refusals = Inline()

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Let a stream in, or refuse it; this runs on gRPC's serving thread."""
        if handler_call_details.method != METHOD:
            return None
        record = begin(handler_call_details)
        try:
            self._take_place()
            try:
                entry = self.gate.enter(handler_call_details, record, holders=3)  # sender, reader and RPC
            except Exception:
                self.free_place()
                raise
        except (OverloadedError, Refusal) as error:
            denial = self.gate.denial(record, error)
            return denial or _handler(_refuse(self.observers, record, error), self._refusals)

        def handle(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            return Stream(self, messages, context, entry, record).results()

        return _handler(handle, self._senders)

    def drain(self) -> None:
        """Let streams finish what they have, read no more, and end."""
        with self._lock:
            self._draining = True
            streams = list(self._streams)
        for stream in streams:
            stream.drain(ShuttingDown())

    def close(self) -> None:
        """End the threads."""
        for pool in (self._senders, self.readers, self.items):
            pool.shutdown()

    def _take_place(self) -> None:
        with self._lock:
            if not self._places:
                raise OverloadedError("batch streams", self._max_streams + 1, self._max_streams)
            self._places -= 1

    def free_place(self) -> None:
        """Note that a stream is over."""
        with self._lock:
            self._places += 1

    def begin(self, stream: Stream) -> None:
        """Note a stream that `drain` is to know of, or has missed."""
        with self._lock:
            self._streams.add(stream)
            draining = self._draining
        if draining:
            stream.drain(ShuttingDown())

    def end(self, stream: Stream) -> None:
        """Forget it."""
        with self._lock:
            self._streams.discard(stream)


def _handler(handle: Callable[..., Any], pool: Any) -> grpc.RpcMethodHandler[bytes, bytes]:
    handle.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpcio looks for it there
    return grpc.stream_stream_rpc_method_handler(handle)


def _refuse(
    observers: Observers, record: Record, error: Exception
) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]:
    def end(_messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        refuse(observers, record, context, error)

    return end
