"""What gRPC is told about connections: how many, how old, how idle, and what their pings may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgsvc.config import ServerConfig

__all__ = ["MAX_STREAMS", "transport_options"]

MAX_STREAMS = 400
"""Calls open on one connection, of all methods. Without a limit a few connections can open so many that gRPC
drops calls at random, health checks among them; with 1000 it still did. Bursts of honest clients overstep one
of 100."""

MAX_PENDING = 1 << 15
"""New calls that the server has not looked at; of more, gRPC drops some at random, with CANCELLED."""

MAX_PING_STRIKES = 2
"""Pings that may come too early: a packet that was held up makes the next one seem so."""

NEVER = 2**31 - 1
"""As gRPC writes an infinite number of milliseconds."""


COMPRESSION = {"none": 0, "gzip": 2, "deflate": 2}
"""In gRPC's numbers. Those who ask for deflate get gzip, which is the same with a checksum."""

IDENTITY_AND_GZIP = 1 << 0 | 1 << 2


def transport_options(config: ServerConfig) -> list[tuple[str, int]]:
    """Return gRPC's arguments of a server."""
    alive = _milliseconds(config.keepalive_timeout)
    compression = COMPRESSION[config.compression]
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", config.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        # What comes compressed is inflated by `imgsvc.server.inflate`, within the limits.
        ("grpc.per_message_decompression", 0),
        ("grpc.compression_enabled_algorithms_bitset", IDENTITY_AND_GZIP),
        ("grpc.default_compression_algorithm", compression),
        # One for each listening address; what is beyond it is accepted and closed, before any handshake.
        ("grpc.max_allowed_incoming_connections", config.max_connections),
        ("grpc.max_concurrent_streams", MAX_STREAMS),
        ("grpc.server.max_pending_requests", MAX_PENDING),
        ("grpc.server.max_pending_requests_hard_limit", 2 * MAX_PENDING),
        ("grpc.server_handshake_timeout_ms", _milliseconds(config.handshake_timeout)),
        ("grpc.max_connection_idle_ms", _milliseconds(config.max_connection_idle)),
        ("grpc.max_connection_age_ms", _milliseconds(config.max_connection_age)),
        ("grpc.max_connection_age_grace_ms", _milliseconds(config.max_connection_age_grace)),
        ("grpc.keepalive_time_ms", _milliseconds(config.keepalive_time)),
        # gRPC asks all connections or only those with calls, and waits a minute whatever the keepalive's own
        # timeout says, unless it is told this of all pings, and of the answer to its settings.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_timeout_ms", alive),
        ("grpc.http2.ping_timeout_ms", alive),
        ("grpc.http2.settings_timeout", alive),
        # Of pings that come; the C name of it says so, its text does not.
        ("grpc.http2.min_ping_interval_without_data_ms", round(1000 * config.min_ping_interval)),
        ("grpc.http2.max_ping_strikes", MAX_PING_STRIKES),
    ]


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds)) if seconds else NEVER
