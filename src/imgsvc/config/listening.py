"""Where a server listens."""

from __future__ import annotations

import dataclasses

from imgsvc._options import integer, text
from imgsvc.config.option import option

__all__ = ["DEFAULT_PORT", "Listening"]

DEFAULT_PORT = 50051


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listening:
    """where it listens."""

    host: str | None = option(
        None,
        text,
        "name or address to listen on (default: localhost)",
        aliases=("--host-name",),
        metavar="HOST",
    )
    port: int | None = option(
        None, integer(0, 65535), f"TCP port, 0 for a free one (default: {DEFAULT_PORT})", metavar="PORT"
    )
    unix_socket: str | None = option(
        None,
        text,
        "listen on this Unix socket; on TCP as well only if --host or --port is given",
        metavar="PATH",
    )

    @property
    def listens_on_tcp(self) -> bool:
        """Whether there is a TCP port beside, or instead of, the Unix socket."""
        return self.unix_socket is None or self.host is not None or self.port is not None
