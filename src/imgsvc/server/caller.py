"""Who a call is counted for: whoever has proved to be somebody, or else an address."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from imgsvc.server.record import Record

__all__ = ["address_of", "caller_of"]

IPV6_NETWORK = 64
"""Bits of an IPv6 address that its holder cannot choose."""

MAX_KNOWN = 4096


def caller_of(record: Record) -> str:
    """Return a caller's name, or its address as `address_of` has it, and what kind of address that is."""
    return record.caller or _known(_without_port(record.peer))[0]


def address_of(peer: str) -> str:
    """Return the address of a gRPC peer without its port, or its network where it can choose of many."""
    return _known(_without_port(peer))[1]


def _without_port(peer: str) -> str:
    """Return a peer without what is another for each connection."""
    return peer.rpartition(":")[0] if peer.startswith(("ipv4:", "ipv6:")) else peer


@functools.lru_cache(MAX_KNOWN)
def _known(peer: str) -> tuple[str, str]:
    """Return both of a peer without its port."""
    kind, _, rest = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer, kind
    try:
        ip = ipaddress.ip_address(rest.strip("[]").partition("%")[0])
    except ValueError:
        return peer, kind
    address = str(ip)
    if isinstance(ip, ipaddress.IPv6Address):
        address = str(ip.ipv4_mapped or ipaddress.ip_network((ip, IPV6_NETWORK), strict=False))
    return f"{kind}:{address}", address
