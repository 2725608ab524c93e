"""Callers by address: whoever has proved to be nobody in particular."""

from __future__ import annotations

import functools
import ipaddress
from urllib.parse import unquote

from imgsvc.server.callers.caller import Caller

__all__ = ["CallersByAddress", "address_of", "network_of"]

IPV6_NETWORK = 64
"""Bits of an IPv6 address that its holder cannot choose."""

MAX_KNOWN = 4096
OTHERS = "others"
"""The one caller of all addresses that there is no room for, while so many have calls in flight."""


class CallersByAddress:
    """The callers that have lately called; those without calls go when there are too many.

    It is asked by one thread.
    """

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}
        self._of_peer: dict[str, Caller] = {}  # of connections, whose next call is soon
        self._others = Caller(OTHERS)

    def of(self, peer: str) -> Caller:
        """Return the caller of a gRPC peer."""
        caller = self._of_peer.get(peer)
        if caller is None:
            caller = self._of_address(address_of(peer))
            if len(self._of_peer) >= MAX_KNOWN:
                self._of_peer.clear()
            self._of_peer[peer] = caller
        return caller

    def _of_address(self, address: str) -> Caller:
        caller = self._callers.get(address)
        if caller is not None:
            return caller
        self._of_peer.clear()  # it would keep those that go
        if len(self._callers) >= MAX_KNOWN:
            self._callers = {key: each for key, each in self._callers.items() if not each.idle}
            if len(self._callers) >= MAX_KNOWN:
                return self._others
        caller = self._callers[address] = Caller(address)
        return caller


def address_of(peer: str) -> str:
    """Return a peer's address, and its kind; of IPv6 the network, of which a host can use any address."""
    return _known(_without_port(peer))


def network_of(peer: str) -> str:
    """Return the network of a peer: of IPv4 24 bits, of IPv6 64."""
    address = address_of(peer)
    numbers, dot, _ = address.rpartition(".")
    return numbers if dot and address.startswith(("ipv4:", "ipv6:")) else address


def _without_port(peer: str) -> str:
    """Return a peer without what is another for each connection."""
    if peer.startswith("ipv4:"):
        return peer[: peer.find(":", 5)] if peer.count(":") > 1 else peer
    return peer.rpartition(":")[0] if peer.startswith(("ipv6:%5B", "ipv6:[")) else peer


@functools.lru_cache(MAX_KNOWN)
def _known(peer: str) -> str:
    """Return that of a peer without its port."""
    kind, _, rest = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    try:
        ip = ipaddress.ip_address(rest.strip("[]").partition("%")[0])
    except ValueError:
        return peer
    address = str(ip)
    if isinstance(ip, ipaddress.IPv6Address):
        address = str(ip.ipv4_mapped or ipaddress.ip_network((ip, IPV6_NETWORK), strict=False))
    return f"{kind}:{address}"
