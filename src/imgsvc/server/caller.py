"""Who a call is counted for: whoever has proved to be somebody, or else an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgsvc.server.record import Record

__all__ = ["caller_of"]


def caller_of(record: Record) -> str:
    """Return a caller's name, or its address without the port, which is another for each connection."""
    if record.caller:
        return record.caller
    peer = record.peer
    return peer.rpartition(":")[0] if peer.startswith(("ipv4:", "ipv6:")) else peer
