"""A server inside the process of its only client."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc.config import ServerConfig
from imgsvc.server.lifecycle import Server
from imgsvc.server.private_folder import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def embedded_server() -> Iterator[str]:
    """Serve on a Unix socket that only this user can reach, and give its gRPC target.

    The requests are those of one trusted client, so they may be as large as gRPC allows, and ask for all.
    """
    with private_folder() as folder:
        config = ServerConfig(
            unix_socket=str(Path(folder) / "socket"), max_message_bytes=2**31 - 1, allow_gps=True
        )
        with Server(config) as server:
            yield server.addresses[0]
