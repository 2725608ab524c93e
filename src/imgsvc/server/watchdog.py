"""Tells systemd that the server works, as long as its own health says so, asked as a client asks."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2

from imgsvc._files import failure_of
from imgsvc._targets import unix_target
from imgsvc.errors import ConfigurationError
from imgsvc.server.health import CHECK, LIVENESS
from imgsvc.server.private_folder import private_folder
from imgsvc.server.readiness import SHUTTING_DOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.lifecycle import Server

__all__ = ["Watchdog"]

log = logging.getLogger("imgsvc.server")


class Watchdog:
    """A thread that asks, and tells.

    It has a Unix socket of its own, in a folder that is this user's alone: it needs no certificate there, and
    no place among the connections of others.

    Parameters
    ----------
    server
        Which does not run yet.
    seconds
        How often somebody wants to hear that it works: it is asked twice as often.
    tell
        Tells them.

    Raises
    ------
    ConfigurationError
        There is no folder for its socket.
    """

    def __init__(self, server: Server, seconds: float, tell: Callable[[], None]) -> None:
        self._seconds = seconds / 2
        self._tell = tell
        try:
            self._folder = private_folder()
        except OSError as error:
            raise ConfigurationError(f"WATCHDOG_USEC: no folder for a socket: {failure_of(error)}") from error
        self._target = unix_target(Path(self._folder.name) / "health")
        self._server = server
        server.listen_privately(self._target)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imgsvc-watchdog", daemon=True)

    def start(self) -> None:
        """Ask from now on: the server runs."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()
        self._folder.cleanup()

    def _watch(self) -> None:
        body = health_pb2.HealthCheckRequest(service=LIVENESS).SerializeToString()
        with grpc.insecure_channel(self._target) as channel:
            check: Any = channel.unary_unary(CHECK)
            while True:
                try:
                    check(body, timeout=self._seconds)
                    self._tell()
                except grpc.RpcError as error:
                    if SHUTTING_DOWN not in self._server.readiness.reasons:
                        log.warning("health does not answer: %s", error)
                if self._closed.wait(self._seconds):
                    return
