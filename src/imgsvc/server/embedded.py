"""A server inside the process of its only client."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc.config import ServerConfig
from imgsvc.server.lifecycle import Server

if TYPE_CHECKING:
    from collections.abc import Iterator


MAX_FOLDER = 70


@contextlib.contextmanager
def embedded_server() -> Iterator[str]:
    """Serve on a Unix socket that only this user can reach, and give its gRPC target.

    The requests are those of one trusted client, so they may be as large as gRPC allows.
    """
    # A socket's path has a hundred bytes, and some systems' temporary folders need most of them.
    place = None if len(tempfile.gettempdir()) < MAX_FOLDER else "/tmp"  # noqa: S108 - a new folder in it
    with tempfile.TemporaryDirectory(prefix="imgsvc-", dir=place) as folder:
        config = ServerConfig(unix_socket=str(Path(folder) / "socket"), max_message_bytes=2**31 - 1)
        with Server(config) as server:
            yield server.addresses[0]
