"""Ending connections from below gRPC, before gRPC itself is shut down.

A call that comes while gRPC shuts down is dropped by it, and so is one that it has received and not handed
out yet. Their callers see CANCELLED, which nobody makes again. When the connection ends first, they see
UNAVAILABLE, which is what it is. grpcio has no other way to end one: so this looks for their descriptors.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

if sys.platform != "win32":
    import fcntl
    import termios

__all__ = ["hang_up"]

LOOK_SECONDS = 0.02


def hang_up(addresses: Iterable[str], seconds: float) -> None:
    """End the connections that were made to these addresses, when what was written to them has been taken.

    Parameters
    ----------
    addresses
        As clients write them: ``"127.0.0.1:50051"``, ``"unix:/run/imgsvc.sock"``.
    seconds
        For peers to take it; from one that reads nothing it is lost.
    """
    if sys.platform == "win32":
        return
    ours = {_local(address) for address in addresses}
    # No more of them: whoever was turned away would be back before gRPC is shut down.
    for listener in _sockets(ours, listening=True):
        _end(listener)
        listener.close()
    end = time.monotonic() + seconds
    while True:
        time.sleep(LOOK_SECONDS)  # first of all: gRPC counts a call as over a moment before it writes the end
        connections = list(_sockets(ours, listening=False))
        done = time.monotonic() >= end or not any(map(_unsent, connections))
        for connection in connections:
            if done:
                _end(connection)
            connection.close()
        if done:
            return


def _local(address: str) -> str | int:
    """Return what a socket that was accepted there is called on this side: a path, or a port."""
    if address.startswith("unix:"):
        return unquote(address.removeprefix("unix:"))
    return int(address.rpartition(":")[2])


def _sockets(ours: set[str | int], *, listening: bool) -> Iterator[socket.socket]:
    """Yield a descriptor of its own for each socket: the original may be closed, and used for another."""
    for entry in Path("/dev/fd").iterdir():
        found = _socket(int(entry.name))
        if found is None:
            continue
        if _is_ours(found, ours) and (_listens(found) if listening else _is_connected(found)):
            yield found
        else:
            found.close()


def _socket(descriptor: int) -> socket.socket | None:
    copy = None
    try:
        # No copy of anything else: closing one of a file ends the locks that this process has on it.
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        copy = os.dup(descriptor)
        return socket.socket(fileno=copy)
    except OSError:  # gone
        if copy is not None:
            os.close(copy)
        return None


def _is_ours(found: socket.socket, ours: set[str | int]) -> bool:
    if found.family not in {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX}:
        return False
    if found.type != socket.SOCK_STREAM:  # ports of UDP are others
        return False
    name = found.getsockname()
    return (name if found.family == socket.AF_UNIX else name[1]) in ours


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _is_connected(found: socket.socket) -> bool:
    try:
        found.getpeername()
    except OSError:  # it listens, or did until a moment ago
        return False
    return True


def _unsent(connection: socket.socket) -> bool:
    """Return whether there are bytes that the other side has not acknowledged."""
    count = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(count, sys.byteorder) > 0


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was first
        connection.shutdown(socket.SHUT_RDWR)
