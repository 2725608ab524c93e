"""`ImageService.ProcessBatch`: which streams there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.errors import OverloadedError
from imgsvc.runtime.pools import start_pool
from imgsvc.server.batch_stream import Stream
from imgsvc.server.image_service import SERVICE_NAME
from imgsvc.server.limiter import share_of
from imgsvc.server.refusals import Refusal, ShuttingDown

if TYPE_CHECKING:
    from imgsvc.runtime.pools import Pool
    from imgsvc.server.call import Call
    from imgsvc.server.context import ServerContext
    from imgsvc.server.image_service import Processing

__all__ = ["METHOD", "BatchStreams"]

METHOD = f"/{SERVICE_NAME}/ProcessBatch"

WORKERS_PER_CORE = 2


class BatchStreams:
    """Answers the method.

    Parameters
    ----------
    processing, context
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
    max_bytes
        Of a message.
    """

    def __init__(
        self,
        processing: Processing,
        context: ServerContext,
        *,
        timeout: float,
        num_cores: int,
        max_streams: int,
        max_items: int,
        max_seconds: float,
        max_bytes: int,
    ) -> None:
        self.processing = processing
        self.limiter = context.limiter
        self.calls = context.calls
        self.observers = context.observers
        self.timeout = timeout
        self.max_items = max_items
        self.max_seconds = max_seconds
        self.max_bytes = max_bytes
        self._screen = context.screen
        self._max_streams = max_streams
        self._streams_each = share_of(max_streams)
        self._streams: set[Stream] = set()
        self._draining = False
        self.workers: Pool = start_pool(WORKERS_PER_CORE * num_cores, "item")

    def begin(self, call: Call) -> None:
        """Let a stream in, or refuse it; this runs on the transport's thread."""
        call.on_end = self.observers.finished
        try:
            self._screen.check(call)
            self._enter(call)
        except (OverloadedError, Refusal) as error:
            self.calls.fail(call, error)
            return
        call.on_end = self._over
        call.limiter = self.limiter
        stream = Stream(self, call)
        self._streams.add(stream)
        call.on_closed = lambda: self._closed(stream)
        self.calls.watch(call)
        stream.begin()
        if self._draining:
            stream.drain(ShuttingDown())

    def _enter(self, call: Call) -> None:
        """Count a stream, which has a permit like any call."""
        if len(self._streams) >= self._max_streams:
            raise OverloadedError("batch streams", len(self._streams) + 1, self._max_streams)
        caller = call.flow
        if caller.streams >= self._streams_each:
            raise OverloadedError("batch streams of a caller", caller.streams + 1, self._streams_each)
        self.limiter.try_acquire_stream(call)
        caller.streams += 1

    def tick(self) -> None:
        """Go on with streams that wait for room."""
        for stream in list(self._streams):
            stream.go_on()

    def drain(self) -> None:
        """Let streams finish what they have, read no more, and end."""
        self._draining = True
        for stream in list(self._streams):
            stream.drain(ShuttingDown())

    def close(self) -> None:
        """End the threads."""
        self.workers.shutdown()

    def _closed(self, stream: Stream) -> None:
        self._streams.discard(stream)
        stream.stop()

    def _over(self, call: Call) -> None:
        call.flow.streams -= 1
        self.limiter.release(call)
        self.observers.finished(call)
