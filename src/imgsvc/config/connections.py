"""Which connections a server keeps."""

from __future__ import annotations

import dataclasses

from imgsvc._options import integer, seconds
from imgsvc.config.option import option

__all__ = ["Connections"]

DAY = 86400
"""gRPC holds milliseconds as a 32-bit int, which are 24 of them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Connections:
    """which connections it keeps."""

    max_connections: int = option(
        1000,
        integer(1, 1 << 20),
        "connections open at a time on each address; further ones are closed at once (default: 1000)",
        metavar="N",
    )
    handshake_timeout: float = option(
        10.0,
        seconds(0.1, 3600),
        "seconds for a new connection to say that it speaks HTTP/2, and TLS (default: 10)",
        metavar="SECONDS",
    )
    max_connection_idle: float = option(
        600.0,
        seconds(0, DAY),
        "seconds after which a connection without a call is closed, 0 for never (default: 600)",
        metavar="SECONDS",
    )
    max_connection_age: float = option(
        0.0,
        seconds(0, DAY),
        "seconds after which a connection takes no more calls, 0 for never (default: 0)",
        metavar="SECONDS",
    )
    max_connection_age_grace: float = option(
        300.0,
        seconds(0.1, DAY),
        "seconds for the calls of a connection that is too old (default: 300)",
        metavar="SECONDS",
    )
    keepalive_time: float = option(
        60.0,
        seconds(0, DAY),
        "seconds of silence after which a client is asked whether it is there, 0 for never (default: 60)",
        metavar="SECONDS",
    )
    keepalive_timeout: float = option(
        20.0,
        seconds(0.1, 3600),
        "seconds for a client to say so; then its connection is closed (default: 20)",
        metavar="SECONDS",
    )
    min_ping_interval: float = option(
        10.0,
        seconds(0, DAY),
        "seconds between two pings of a client; one that pings more often is disconnected (default: 10)",
        metavar="SECONDS",
    )
