"""Binding a server's addresses.

gRPC would share a port with a second server (SO_REUSEPORT), quietly take one of two addresses of a name where
the other is in use, and replace the file of another server's Unix socket. So each address is tried with a
plain socket first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.config import DEFAULT_PORT
from imgsvc.errors import AddressError, ConfigurationError
from imgsvc.server.listening import tcp, unix_socket

if TYPE_CHECKING:
    from imgsvc.config import ServerConfig
    from imgsvc.server.listening.tls import Certificates
    from imgsvc.server.transport import Transport

__all__ = ["listen", "others_can_read"]


def listen(transport: Transport, config: ServerConfig, certificates: Certificates | None) -> tuple[str, ...]:
    """Bind all that `config` asks for and return the addresses as a client would write them.

    Parameters
    ----------
    transport
        Which has not started.
    config
        Says where.
    certificates
        Of the TCP port; None for none.

    Raises
    ------
    AddressError
        One is in use, does not exist on this machine, or may not be bound.
    ConfigurationError
        TLS is required, and there is none.
    """
    if config.require_tls and others_can_read(config):
        raise ConfigurationError(
            f"--require-tls: --host {config.host} is beyond loopback, expected --tls-cert and --tls-key"
        )
    bound: list[str] = []
    if config.listens_on_tcp:
        port = DEFAULT_PORT if config.port is None else config.port
        addresses = tcp.find_addresses(config.host or "localhost", port)
        for target in tcp.grpc_targets(addresses):
            _add_port(transport, target, certificates)
        bound += map(str, addresses)
    if config.unix_socket is not None:
        target = unix_socket.prepare(config.unix_socket)
        with unix_socket.with_mode(config.unix_socket, config.unix_socket_mode):
            _add_port(transport, target)
        bound.append(target)
    return tuple(bound)


def others_can_read(config: ServerConfig) -> bool:
    """Return whether what is sent leaves this machine unencrypted."""
    return (
        config.listens_on_tcp
        and not config.tls
        and config.host is not None
        and tcp.beyond_loopback(config.host)
    )


def _add_port(transport: Transport, target: str, certificates: Certificates | None = None) -> None:
    credentials = None if certificates is None else certificates.credentials()
    if not transport.add_port(target, credentials):  # something took it after it was tried
        raise AddressError(f"{target}: cannot be listened on")
