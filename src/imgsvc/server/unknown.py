"""Calls of methods that nobody here serves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc

from imgsvc.server.failure import fail
from imgsvc.server.handlers import stream_unary

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnknownMethodError(Exception):
    """No service has this method."""

    field = "method"

    def __init__(self, method: str) -> None:
        super().__init__("Method not found!")  # gRPC's own words
        self.value = method


class UnknownMethods(grpc.GenericRpcHandler):
    """The last of the handlers: answers as gRPC would, and logs the call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="imgsvc-unknown")

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Return a handler that answers UNIMPLEMENTED."""
        method = handler_call_details.method

        def refuse(_messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
            fail(method[:200], context, UnknownMethodError(repr(method[:200])))

        return stream_unary(refuse, self._pool)

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown()
