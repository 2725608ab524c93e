"""Who a call is counted for: whoever has proved to be somebody, or else an address."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from imgsvc.server.call import Work

__all__ = ["flow_of"]

IPV6_NETWORK = 64
"""Bits of an IPv6 address that its holder cannot choose."""

MAX_KNOWN = 4096


def flow_of(work: Work) -> str:
    """Return a caller's name, or the address that a call comes from, and what kind of address that is.

    Of IPv6 that is the network, of which a host can use any address.
    """
    return work.caller or _known(_without_port(work.peer))


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
