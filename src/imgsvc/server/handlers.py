"""Method handlers that take and give bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import ThreadPoolExecutor

    Handler = Callable[[Iterator[bytes], grpc.ServicerContext], bytes]


def stream_unary(handle: Handler, pool: ThreadPoolExecutor) -> grpc.RpcMethodHandler[bytes, bytes]:
    """Return a handler that runs `handle` on `pool`; to a client it is a unary method."""

    def run(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return handle(messages, context)

    run.experimental_thread_pool = pool  # type: ignore[attr-defined]  # grpcio looks for it there
    return grpc.stream_unary_rpc_method_handler(run)
