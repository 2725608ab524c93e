"""What systemd is told by a service of ``Type=notify``; without it nothing here does anything.

One datagram a message, of lines ``NAME=value``, to the socket that ``$NOTIFY_SOCKET`` names: sd_notify(3).
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Systemd"]

log = logging.getLogger("imgsvc.server")


class Systemd:
    """The service manager that started this process, if one did.

    Attributes
    ----------
    watchdog_seconds : float or None
        How often it wants to hear that the process works; None where it does not.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.watchdog_seconds = _watchdog_seconds(environment) if self._address else None

    def notify(self, **values: str | int) -> None:
        """Tell it something: ``READY=1``. A manager that does not listen is none of our callers' business."""
        if self._address is None:
            return
        message = "\n".join(f"{name}={value}" for name, value in values.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning("NOTIFY_SOCKET: %s", error.strerror)


def _address(name: str) -> str | None:
    """Return a socket's address: a path, or after ``@`` a name of Linux's abstract namespace."""
    if name.startswith("@"):
        return f"\0{name[1:]}"
    return name if name.startswith("/") else None


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):  # it means our parent
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) else None
