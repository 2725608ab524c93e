"""A network that lets through so many bytes a second on the way to a server, and all that comes back."""

import contextlib
import socket
import threading
import time
from types import SimpleNamespace

PARTS_A_SECOND = 20


@contextlib.contextmanager
def slow_network(server, bytes_a_second):
    """Give the server as it is beyond such a network; it takes one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_relay, args=(listener, server.port, bytes_a_second), daemon=True).start()
        port = listener.getsockname()[1]
        yield SimpleNamespace(target=f"127.0.0.1:{port}", port=port)


def _relay(listener, port, bytes_a_second):
    with contextlib.suppress(OSError):
        client, _ = listener.accept()
        # From an address of its own, so that nobody takes it for somebody else.
        server = socket.create_connection(("127.0.0.1", port), source_address=("127.0.2.1", 0))
        threading.Thread(target=_copy, args=(server, client, None), daemon=True).start()
        _copy(client, server, bytes_a_second // PARTS_A_SECOND)


def _copy(source, target, part):
    with contextlib.suppress(OSError), source, target:
        while data := source.recv(part or 1 << 16):
            target.sendall(data)
            if part is not None:
                time.sleep(len(data) / part / PARTS_A_SECOND)
