"""The TCP addresses behind a host and a port, and whether they can be listened on."""

from __future__ import annotations

import dataclasses
import errno
import ipaddress
import socket

from imgsvc.errors import AddressError

__all__ = ["Address", "beyond_loopback", "find_addresses", "grpc_targets"]

FREE_PORT_TRIES = 20
ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - compared with, not bound to


@dataclasses.dataclass(frozen=True)
class Address:
    """An IP address, and a port of it."""

    ip: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Whether it is one of IPv6."""
        return ":" in self.ip

    def __str__(self) -> str:
        """Return the address as a client writes it."""
        return f"[{self.ip}]:{self.port}" if self.is_ipv6 else f"{self.ip}:{self.port}"


def find_addresses(host: str, port: int, prefix: str = "") -> list[Address]:
    """Return the addresses of `host` with `port`, or for 0 with a port that is free on all of them.

    `prefix` is that of the options that said so: ``"metrics-"`` for ``--metrics-port``.

    Raises
    ------
    AddressError
        The host is no name or address of this machine, or the port is in use, or may not be bound, on one.
    """
    ips = _resolve(host, prefix)
    for _ in range(FREE_PORT_TRIES):
        addresses = _try_all(host, ips, port, prefix)
        if addresses:
            return addresses
    raise AddressError(f"--{prefix}port: no port is free on all addresses of {host}")


def grpc_targets(addresses: list[Address]) -> list[str]:
    """Return what to give to gRPC: for any IPv6 address it takes any IPv4 address as well."""
    both = {ANY_IPV4, ANY_IPV6} <= {address.ip for address in addresses}
    return [str(address) for address in addresses if not (both and address.ip == ANY_IPV4)]


def beyond_loopback(host: str) -> bool:
    """Return whether others than this machine can reach `host`."""
    return not all(ipaddress.ip_address(ip.partition("%")[0]).is_loopback for ip in _resolve(host))


def _resolve(host: str, prefix: str = "") -> list[str]:
    name = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise AddressError(
            f"--{prefix}host: {host!r} is no name or address of this machine: {error}"
        ) from error
    ips = list(dict.fromkeys(str(address[0]) for *_, address in found))
    # gRPC takes either of these for both.
    return [ANY_IPV4, ANY_IPV6] if {ANY_IPV4, ANY_IPV6} & set(ips) else ips


def _try_all(host: str, ips: list[str], port: int, prefix: str) -> list[Address]:
    """Return those of `ips` that exist here, with a port; none where one's free port is in use on another."""
    addresses: list[Address] = []
    missing = None
    for ip in ips:
        try:
            addresses.append(_try(Address(ip, addresses[0].port if addresses else port)))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                missing = error  # such as ::1 where IPv6 is off
            elif error.errno == errno.EADDRINUSE and port == 0:
                return []
            else:
                raise AddressError(_why(ip, port, error, prefix)) from error
    if not addresses:
        raise AddressError(f"--{prefix}host: {host!r} is no address of this machine: {missing}")
    return addresses


def _try(address: Address) -> Address:
    """Bind an address and let go of it; return it with the port that it got."""
    with socket.socket(socket.AF_INET6 if address.is_ipv6 else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.is_ipv6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((address.ip, address.port))
        return Address(address.ip, probe.getsockname()[1])


def _why(ip: str, port: int, error: OSError, prefix: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {ip} is in use: give another --{prefix}port (0 picks a free one)"
    if error.errno == errno.EACCES:
        return f"port {port} on {ip} may not be bound by this user: give a --{prefix}port of 1024 or more"
    return f"port {port} on {ip} cannot be listened on: {error.strerror}"
