"""What gRPC in Python costs by itself: the answer is the request, and nobody looks into it."""

from __future__ import annotations

from concurrent import futures

import grpc

from benchmarks.service.serving import UNLIMITED, serve


class Echo(grpc.GenericRpcHandler):
    """Answers every method, with bytes as they came."""

    def service(
        self, _handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return grpc.unary_unary_rpc_method_handler(lambda request, _context: request)


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10), options=UNLIMITED)
    server.add_generic_rpc_handlers((Echo(),))
    serve(server, "echo")


if __name__ == "__main__":
    main()
