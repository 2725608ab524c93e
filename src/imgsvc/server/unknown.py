"""Calls of methods that nobody here serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from imgsvc.runtime.pools import start_pool
from imgsvc.server.failure import fail
from imgsvc.server.handlers import stream_unary
from imgsvc.server.record import Record
from imgsvc.server.refusals import UnknownMethod

if TYPE_CHECKING:
    from collections.abc import Iterator


# A method name of 8 KB is somebody's attempt at something.
MAX_LOGGED = 200


class UnknownMethods(grpc.GenericRpcHandler):
    """The last of the handlers: answers as gRPC would, and logs the call."""

    def __init__(self) -> None:
        self._pool = start_pool(1, "unknown")

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return a handler that answers UNIMPLEMENTED."""
        method = handler_call_details.method

        def refuse(_messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            fail(Record(method[:MAX_LOGGED], context.peer()), context, UnknownMethod(method[:MAX_LOGGED]))

        return stream_unary(refuse, self._pool)

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()
