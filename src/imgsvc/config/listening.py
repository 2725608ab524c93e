"""Where a server listens."""

from __future__ import annotations

import dataclasses

from imgsvc._options import integer, text
from imgsvc.config.option import option
from imgsvc.errors import ConfigurationError

__all__ = ["DEFAULT_PORT", "Listening"]

DEFAULT_PORT = 50051

OWNER, ALL = 0o600, 0o777


def file_mode(value: str) -> str:
    """Return an octal mode as it is written: ``0660``. The owner can always read and write.

    Otherwise a server that was killed could not tell whether anybody listens at the socket that it left.
    """
    try:
        mode = int(value, 8)
    except ValueError:
        mode = 0
    if mode & OWNER != OWNER or not mode <= ALL:
        raise ConfigurationError(f"{value!r}, expected an octal mode from 0600 to 0777, such as '0660'")
    return f"{mode:04o}"


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

    unix_socket_mode: str | None = option(
        None,
        file_mode,
        "who may connect to it, in octal, such as 0660 (default: by the umask)",
        metavar="MODE",
    )

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        if self.unix_socket_mode is not None and self.unix_socket is None:
            raise ConfigurationError(
                f"--unix-socket-mode: {self.unix_socket_mode}, expected --unix-socket beside it"
            )

    @property
    def listens_on_tcp(self) -> bool:
        """Whether there is a TCP port beside, or instead of, the Unix socket."""
        return self.unix_socket is None or self.host is not None or self.port is not None
