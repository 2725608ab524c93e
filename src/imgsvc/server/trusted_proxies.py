"""Trusted proxies: whose ``x-forwarded-for`` is believed, and which address of it is the client's."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import unquote

from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

__all__ = ["TrustedProxies"]

HEADER = "x-forwarded-for"
UNIX = "unix"
MAX_HOPS = 16
"""Proxies behind each other: more is somebody's attempt at something."""


class TrustedProxies:
    """Addresses and networks of proxies, each of which appends the address that it was called from.

    Parameters
    ----------
    text
        Networks with commas between, and ``unix`` for whatever comes by a Unix socket.

    Raises
    ------
    ConfigurationError
        One of them is none.
    """

    def __init__(self, text: str) -> None:
        names = [name.strip() for name in text.split(",")]
        self._unix = UNIX in names
        try:
            self._networks = [ipaddress.ip_network(name) for name in names if name != UNIX]
        except ValueError as error:
            raise ConfigurationError(
                f"--trusted-proxies: {error}, expected addresses or networks, such as 10.0.0.0/8"
            ) from error

    def client_of(self, peer: str, metadata: Sequence[tuple[str, str | bytes]]) -> str:
        """Return who called the proxies that a call came through, as gRPC would write it without a port.

        That is the rightmost address that is no trusted proxy: what stands before it anybody may have
        written. A peer that is no proxy is believed nothing.
        """
        if not self._is_trusted_peer(peer):
            return peer
        given = ",".join(str(value) for key, value in metadata if key == HEADER)
        client = peer
        for hop in reversed(given.split(",")[-MAX_HOPS:]):
            address = _address(hop.strip())
            if address is None:
                break
            client = f"ipv{address.version}:{address}"
            if not self._trusts(address):
                break
        return client

    def _is_trusted_peer(self, peer: str) -> bool:
        kind, _, rest = unquote(peer).partition(":")
        if kind == UNIX:
            return self._unix
        address = _address(rest)
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    """Return the address of a text such as ``1.2.3.4:5``, ``[::1]:5`` or ``::1``; None for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
