"""Calls of methods that nobody here serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from imgsvc.runtime.pools import start_pool
from imgsvc.server.failure import refuse
from imgsvc.server.handlers import stream_unary
from imgsvc.server.record import begin
from imgsvc.server.refusals import UnknownMethod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgsvc.server.observers import Observers


# A method name of 8 KB is somebody's attempt at something.
MAX_LOGGED = 200


class UnknownMethods(grpc.GenericRpcHandler):
    """The last of the handlers: answers as gRPC would, and logs the call."""

    def __init__(self, observers: Observers) -> None:
        self._observers = observers
        self._pool = start_pool(1, "unknown")

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return a handler that answers UNIMPLEMENTED."""
        record = begin(handler_call_details)
        record.method = record.method[:MAX_LOGGED]

        def end(_messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            refuse(self._observers, record, context, UnknownMethod(record.method))

        return stream_unary(end, self._pool)

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()
