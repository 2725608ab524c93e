"""How the peers written in Python serve."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


def serve(server: grpc.Server, name: str) -> None:
    """Serve, say where, and stop when whoever started this process closes its stdin or is gone."""
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"{name} serving on 127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    server.stop(None).wait()
