"""Binding a server's addresses.

gRPC would share a port with a second server (SO_REUSEPORT), quietly take one of two addresses of a name where
the other is in use, and replace the file of another server's Unix socket. So each address is tried with a
plain socket first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.config import DEFAULT_PORT
from imgsvc.errors import AddressError
from imgsvc.server import tcp, unix_socket

if TYPE_CHECKING:
    import grpc

    from imgsvc.config import ServerConfig

__all__ = ["listen"]


def listen(server: grpc.Server, config: ServerConfig) -> tuple[str, ...]:
    """Bind all that `config` asks for and return the addresses as a client would write them.

    Raises
    ------
    AddressError
        One is in use, does not exist on this machine, or may not be bound.
    """
    bound: list[str] = []
    if config.listens_on_tcp:
        port = DEFAULT_PORT if config.port is None else config.port
        addresses = tcp.find_addresses(config.host or "localhost", port)
        for target in tcp.grpc_targets(addresses):
            _add_port(server, target)
        bound += map(str, addresses)
    if config.unix_socket is not None:
        target = unix_socket.prepare(config.unix_socket)
        _add_port(server, target)
        bound.append(target)
    return tuple(bound)


def _add_port(server: grpc.Server, target: str) -> None:
    try:
        server.add_insecure_port(target)
    except RuntimeError as error:  # something took it after it was tried
        raise AddressError(f"{target}: cannot be listened on: {error}") from error
