"""The server's configuration: defaults, then the environment, then flags; frozen and validated.

Each option is one field below. Its flag, its environment variable (``IMGSVC_CFG_`` and the name in capitals)
and its line in ``--help`` are made from it.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any

from imgsvc._available_cores import available_cores
from imgsvc._options import boolean, byte_size, choice, integer, seconds, text
from imgsvc._threads import MAX_THREADS
from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DEFAULT_PORT", "ServerConfig"]

# Not IMGSVC_SERVER_: Kubernetes sets IMGSVC_SERVER_PORT to a URL beside a Service of that name.
ENVIRONMENT_PREFIX = "IMGSVC_CFG_"
DEFAULT_PORT = 50051
MIB = 1 << 20
# gRPC holds the limit as a 32-bit int, and protobuf ends at 2 GiB.
MAX_MESSAGE = 2**31 - 1


def _option(
    default: Any,
    parse: Callable[[str], Any],
    description: str,
    *,
    aliases: tuple[str, ...] = (),
    metavar: str | None = None,
) -> Any:
    metadata = {"parse": parse, "help": description, "aliases": aliases, "metavar": metavar}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """How a server listens and what it accepts. None stands for a choice that the server makes."""

    host: str | None = _option(
        None,
        text,
        "name or address to listen on (default: localhost)",
        aliases=("--host-name",),
        metavar="HOST",
    )
    port: int | None = _option(
        None, integer(0, 65535), f"TCP port, 0 for a free one (default: {DEFAULT_PORT})", metavar="PORT"
    )
    unix_socket: str | None = _option(
        None,
        text,
        "listen on this Unix socket; on TCP as well only if --host or --port is given",
        metavar="PATH",
    )
    max_workers: int | None = _option(
        None,
        integer(1, 1024),
        "image calls received or computed at a time (default: 4 a core, at least 16)",
        metavar="N",
    )
    cores: int | None = _option(
        None,
        integer(1, MAX_THREADS),
        "cores to compute on (default: those of its affinity mask and CPU quota)",
        metavar="N",
    )
    max_message_bytes: int = _option(
        256 * MIB, byte_size(1024, MAX_MESSAGE), "largest request (default: 256MiB)", metavar="SIZE"
    )
    max_calls: int = _option(
        256,
        integer(1, 1 << 20),
        "image calls accepted at a time, waiting ones included (default: 256)",
        metavar="N",
    )
    max_bytes_in_flight: int | None = _option(
        None,
        byte_size(1024, 1 << 50),
        "bytes of requests and answers held at a time (default: 8 times the largest request)",
        metavar="SIZE",
    )
    max_pixels: int = _option(
        100_000_000,
        integer(1, 1 << 40),
        "pixels of an image of imgsvc.v1, read, made or between (default: 100000000)",
        metavar="N",
    )
    max_frames: int = _option(
        256, integer(1, 1 << 20), "frames of an animation that are worked on (default: 256)", metavar="N"
    )
    max_streams: int = _option(16, integer(1, 512), "batch streams open at a time (default: 16)", metavar="N")
    presets: str | None = _option(
        None, text, "TOML file with named pipelines for requests to choose from", metavar="FILE"
    )
    body_timeout: float = _option(
        30.0,
        seconds(0.1, 86400),
        "seconds for a request to arrive in full, and for its answer to be taken (default: 30)",
        metavar="SECONDS",
    )
    grace: float = _option(
        30.0,
        seconds(0, 86400),
        "seconds for requests in flight to finish at shutdown (default: 30)",
        metavar="SECONDS",
    )
    compression: str = _option(
        "none",
        choice("none", "gzip", "deflate"),
        "compress answers: none, gzip or deflate (default: none)",
        metavar="NAME",
    )
    null_image_errors: bool = _option(
        False, boolean, "answer bad input with a 0×0 image that holds the message, as old clients expect"
    )
    log_level: str = _option(
        "info",
        choice("debug", "info", "warning", "error", "critical"),
        "debug, info, warning, error or critical (default: info)",
        metavar="LEVEL",
    )

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        largest = 2 * self.max_message_bytes
        if self.max_bytes_in_flight is not None and self.max_bytes_in_flight < largest:
            raise ConfigurationError(
                f"--max-bytes-in-flight: {self.max_bytes_in_flight}, expected at least {largest}: "
                "twice --max-message-bytes, for the largest request and its answer"
            )

    @property
    def listens_on_tcp(self) -> bool:
        """Whether there is a TCP port beside, or instead of, the Unix socket."""
        return self.unix_socket is None or self.host is not None or self.port is not None

    @property
    def num_cores(self) -> int:
        """The cores to compute on."""
        return self.cores or min(available_cores(), MAX_THREADS)

    @property
    def num_workers(self) -> int:
        """The number of threads that receive and answer image calls: most of them wait for bytes."""
        return self.max_workers or max(16, 4 * self.num_cores)

    @property
    def byte_budget(self) -> int:
        """The bytes of requests and answers held at a time."""
        return self.max_bytes_in_flight or 8 * self.max_message_bytes

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return the options that ``IMGSVC_CFG_…`` variables set.

        Raises
        ------
        ConfigurationError
            A variable has a value that its option cannot take, or no option of that name exists.
        """
        options = {ENVIRONMENT_PREFIX + field.name.upper(): field for field in dataclasses.fields(cls)}
        values = {}
        for variable, value in environment.items():
            if not variable.startswith(ENVIRONMENT_PREFIX) or not value:  # set to nothing is not set
                continue
            if variable not in options:
                near = difflib.get_close_matches(variable, options, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigurationError(f"{variable}: there is no such option{hint}")
            field = options[variable]
            try:
                values[field.name] = field.metadata["parse"](value)
            except ConfigurationError as error:
                raise ConfigurationError(f"{variable}: {error}") from error
        return values
