"""Binding a server's addresses.

gRPC would share a port with a second server (SO_REUSEPORT), quietly take one of two addresses of a name where
the other is in use, and replace the file of another server's Unix socket. So each address is tried with a
plain socket first.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc.config import DEFAULT_PORT
from imgsvc.errors import AddressError

if TYPE_CHECKING:
    import grpc

    from imgsvc.config import ServerConfig

# sun_path holds 108 bytes on Linux and 104 elsewhere, with a zero at the end.
MAX_SOCKET_PATH = 103
FREE_PORT_TRIES = 20
IPV6_ADDRESS_SIZE = 4


def listen(server: grpc.Server, config: ServerConfig) -> tuple[str, ...]:
    """Bind all that `config` asks for and return the addresses as a client would write them.

    Raises
    ------
    AddressError
        One is in use, does not exist on this machine, or may not be bound.
    """
    bound: list[str] = []
    if config.listens_on_tcp:
        bound += _listen_on_tcp(
            server, config.host or "localhost", DEFAULT_PORT if config.port is None else config.port
        )
    if config.unix_socket is not None:
        bound.append(_listen_on_unix_socket(server, config.unix_socket))
    return tuple(bound)


def beyond_loopback(host: str) -> bool:
    """Return whether others than this machine can reach `host`."""
    addresses = [address.partition("%")[0] for _, address in _resolve(host)]
    return not all(address == "::1" or address.startswith("127.") for address in addresses)


def _listen_on_tcp(server: grpc.Server, host: str, port: int) -> list[str]:
    addresses = _resolve(host)
    usable, port = _find_port(host, addresses, port)
    bound = []
    for family, address in usable:
        target = f"[{address}]:{port}" if family == socket.AF_INET6 else f"{address}:{port}"
        try:
            server.add_insecure_port(target)
        except RuntimeError as error:
            raise AddressError(f"{target}: cannot be listened on: {error}") from error
        bound.append(target)
    return bound


def _resolve(host: str) -> list[tuple[socket.AddressFamily, str]]:
    name = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise AddressError(f"--host: {host!r} is no name or address of this machine: {error}") from error
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _find_port(
    host: str, addresses: list[tuple[socket.AddressFamily, str]], port: int
) -> tuple[list[tuple[socket.AddressFamily, str]], int]:
    """Return those of `addresses` that exist here, and a port that is free on each."""
    for _ in range(FREE_PORT_TRIES):
        usable, chosen, taken, missing = [], port, False, None
        for family, address in addresses:
            try:
                chosen = _try_bind(family, address, chosen)
            except OSError as error:
                if error.errno == errno.EADDRINUSE and port == 0:
                    taken = True  # free on one address, in use on the next: another one then
                elif error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    missing = error  # such as ::1 where IPv6 is off
                else:
                    raise AddressError(_why(address, port, error)) from error
            else:
                usable.append((family, address))
        if not taken:
            if not usable:
                raise AddressError(f"--host: {host!r} is no address of this machine: {missing}")
            return usable, chosen
    raise AddressError(f"--port: no port is free on all addresses of {host}")


def _try_bind(family: socket.AddressFamily, address: str, port: int) -> int:
    """Bind and let go; return the port."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((address, port))
        return int(probe.getsockname()[1])


def _why(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {address} is in use: give another --port (0 picks a free one)"
    if error.errno == errno.EACCES:
        return f"port {port} on {address} may not be bound by this user: give a --port of 1024 or more"
    return f"port {port} on {address} cannot be listened on: {error.strerror}"


def _listen_on_unix_socket(server: grpc.Server, path: str) -> str:
    absolute = os.path.abspath(path)  # noqa: PTH100 - a symbolic link stays one
    if len(os.fsencode(absolute)) > MAX_SOCKET_PATH:
        raise AddressError(f"--unix-socket: {path}: longer than {MAX_SOCKET_PATH} bytes")
    _remove_stale_socket(Path(absolute))
    if not os.access(Path(absolute).parent, os.W_OK | os.X_OK):
        raise AddressError(f"--unix-socket: {path}: cannot be created: is its folder there, and writable?")
    target = f"unix:{absolute}"
    try:
        server.add_insecure_port(target)
    except RuntimeError as error:
        raise AddressError(f"--unix-socket: {path}: cannot be listened on: {error}") from error
    return target


def _remove_stale_socket(path: Path) -> None:
    """Remove a socket that nobody listens on; anything else in its place stays."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise AddressError(f"--unix-socket: {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise AddressError(f"--unix-socket: {path}: is there already and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise AddressError(f"--unix-socket: {path}: {error.strerror or error}") from error
        else:
            raise AddressError(f"--unix-socket: {path}: is in use by another server")
