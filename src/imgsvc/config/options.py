"""All options of a server: one field each, and its flag, variable, key in the file and line in ``--help``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from imgsvc._available_cores import available_cores
from imgsvc._options import boolean, byte_size, choice, integer, ratio, seconds, text
from imgsvc._threads import MAX_THREADS
from imgsvc.config.sources import from_environment, from_file
from imgsvc.config.values import DEFAULT_URL, file_mode, redis_url
from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

__all__ = ["DEFAULT_PORT", "ServerConfig"]

DEFAULT_PORT = 50051
MIB = 1 << 20
MONTH = 31 * 86400

DAY = 86400
"""gRPC holds milliseconds as a 32-bit int, which are 24 of them."""

MAX_MESSAGE = 2**31 - 1
"""gRPC holds the limit as a 32-bit int, and protobuf ends at 2 GiB."""

MAX_OUTPUT = MAX_MESSAGE
"""As much as a message can hold."""

MOST = 1 << 40

MAX_OPERATIONS, MAX_WEIGHTS = 64, 31 * 31
"""What operations and pipelines take by themselves."""

STREAM_ITEMS_PER_CORE = 4
"""Those that wait keep the cores busy while results are sent."""


def option(
    default: Any,
    parse: Callable[[str], Any],
    description: str,
    *,
    aliases: tuple[str, ...] = (),
    metavar: str | None = None,
) -> Any:
    """Return a field.

    Parameters
    ----------
    default
        Its value where nobody says another.
    parse
        Makes the value of a text, or raises ConfigurationError.
    description, metavar
        For ``--help``.
    aliases
        Further flags, such as ``--host-name``.
    """
    metadata = {"parse": parse, "help": description, "aliases": aliases, "metavar": metavar}
    return dataclasses.field(default=default, metadata=metadata)


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """what it accepts."""

    max_message_bytes: int = option(
        256 * MIB, byte_size(1024, MAX_MESSAGE), "largest request (default: 256MiB)", metavar="SIZE"
    )
    max_calls: int = option(
        256,
        integer(1, 1 << 20),
        "image calls accepted at a time, waiting ones included (default: 256)",
        metavar="N",
    )
    max_bytes_in_flight: int | None = option(
        None,
        byte_size(1024, 1 << 50),
        "bytes of requests and answers held at a time (default: 8 times the largest request)",
        metavar="SIZE",
    )
    body_timeout: float = option(
        30.0,
        seconds(0.1, 86400),
        "seconds for a request to arrive in full, and for its answer to be taken (default: 30)",
        metavar="SECONDS",
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
    def byte_budget(self) -> int:
        """The bytes of requests and answers held at a time."""
        return self.max_bytes_in_flight or 8 * self.max_message_bytes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Requests:
    """how large one request may be."""

    max_pixels: int = option(
        100_000_000,
        integer(1, MOST),
        "pixels of an image of imgsvc.v1, read, made or between (default: 100000000)",
        metavar="N",
    )
    max_frames: int = option(
        256, integer(1, 1 << 20), "frames of an animation that are worked on (default: 256)", metavar="N"
    )
    max_operations: int = option(
        MAX_OPERATIONS,
        integer(1, MAX_OPERATIONS),
        f"operations of a pipeline (default: {MAX_OPERATIONS})",
        metavar="N",
    )
    max_weights: int = option(
        MAX_WEIGHTS,
        integer(1, MAX_WEIGHTS),
        f"weights of a convolution (default: {MAX_WEIGHTS}, which is 31×31)",
        metavar="N",
    )
    max_output_bytes: int = option(
        MAX_OUTPUT,
        byte_size(1, MAX_OUTPUT),
        "results of one request or item, pixels or files (default: 2147483647, the most of a message)",
        metavar="SIZE",
    )
    max_decode_bytes: int = option(
        1 << 30,
        byte_size(1, MOST),
        "the decoded pixels of a file, all frames together (default: 1GiB)",
        metavar="SIZE",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Streams:
    """what batch streams may take."""

    max_streams: int = option(16, integer(1, 512), "batch streams open at a time (default: 16)", metavar="N")
    max_stream_items: int | None = option(
        None,
        integer(1, 4096),
        "images of one stream under way at a time (default: 4 a core)",
        metavar="N",
    )
    max_stream_seconds: float = option(
        3600.0,
        seconds(0.1, 86400),
        "seconds after which a stream reads no more, and is to be taken up on another (default: 3600)",
        metavar="SECONDS",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Overload:
    """when it is too busy."""

    max_queue_seconds: float = option(
        1.0,
        seconds(0.01, 86400),
        "seconds that a call may be expected to wait; beyond that it is refused at once (default: 1)",
        metavar="SECONDS",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """how it works."""

    max_workers: int | None = option(
        None,
        integer(1, 1024),
        "image calls received or computed at a time (default: 4 a core, at least 12)",
        metavar="N",
    )
    cores: int | None = option(
        None,
        integer(1, MAX_THREADS),
        "cores to compute on (default: those of its affinity mask and CPU quota)",
        metavar="N",
    )
    presets: str | None = option(
        None, text, "TOML file with named pipelines for requests to choose from", metavar="FILE"
    )
    compression: str = option(
        "none",
        choice("none", "gzip", "deflate"),
        "compress answers: none, gzip or deflate (default: none)",
        metavar="NAME",
    )
    null_image_errors: bool = option(
        False, boolean, "answer bad input with a 0×0 image that holds the message, as old clients expect"
    )
    log_level: str = option(
        "info",
        choice("debug", "info", "warning", "error", "critical"),
        "debug, info, warning, error or critical (default: info)",
        metavar="LEVEL",
    )

    @property
    def num_cores(self) -> int:
        """The cores to compute on."""
        return self.cores or min(available_cores(), MAX_THREADS)

    @property
    def num_workers(self) -> int:
        """The number of threads that receive and answer image calls: most of them wait for bytes."""
        return self.max_workers or max(12, 4 * self.num_cores)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Security:
    """who may connect."""

    tls_cert: str | None = option(
        None, text, "certificate chain of the TCP port, PEM; read again when it changes", metavar="FILE"
    )
    tls_key: str | None = option(None, text, "its private key, PEM without a passphrase", metavar="FILE")
    tls_client_ca: str | None = option(
        None, text, "demand a client certificate that one of these has signed, PEM", metavar="FILE"
    )
    require_tls: bool = option(
        False, boolean, "do not start where others could read what is sent beyond this machine"
    )
    callers: str | None = option(
        None,
        text,
        "TOML file with who may call, and how much; read again when it changes",
        metavar="FILE",
    )
    trusted_proxies: str | None = option(
        None,
        text,
        "addresses and networks of proxies whose x-forwarded-for is believed, with commas between; unix for"
        " those behind the Unix socket",
        metavar="NETWORKS",
    )
    health_needs_key: bool = option(False, boolean, "answer health checks of callers only")
    reflection: bool = option(True, boolean, "serve reflection, to callers where there are any (default: on)")
    allow_gps: bool = option(
        False, boolean, "say where photos were taken, to who asks Describe for that (default: no)"
    )

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = ("cert", "key") if self.tls_cert else ("key", "cert")
            raise ConfigurationError(
                f"--tls-{given}: {self.tls_cert or self.tls_key}, expected --tls-{missing} beside it"
            )
        if self.tls_client_ca is not None and not self.tls:
            raise ConfigurationError(
                f"--tls-client-ca: {self.tls_client_ca}, expected --tls-cert and --tls-key beside it"
            )
        listening: Listening = self  # type: ignore[assignment]  # every configuration is both
        if self.tls and not listening.listens_on_tcp:
            raise ConfigurationError(
                f"--tls-cert: {self.tls_cert}, expected --host or --port beside it: a Unix socket has no TLS"
            )
        if self.health_needs_key and self.callers is None:
            raise ConfigurationError("--health-needs-key: true, expected --callers beside it")

    @property
    def tls(self) -> bool:
        """Whether the TCP port is encrypted."""
        return self.tls_cert is not None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """how it starts and stops."""

    grace: float = option(
        30.0,
        seconds(0, 86400),
        "seconds for requests in flight to finish at shutdown (default: 30)",
        metavar="SECONDS",
    )
    drain_delay: float = option(
        0.0,
        seconds(0, 3600),
        "seconds between saying NOT_SERVING at shutdown and refusing calls, for balancers (default: 0)",
        metavar="SECONDS",
    )
    unready_after: float = option(
        10.0,
        seconds(0, 3600),
        "seconds of refusing calls for load after which it is not ready, 0 for never (default: 10)",
        metavar="SECONDS",
    )
    ready_again_after: float = option(
        5.0,
        seconds(0.1, 3600),
        "seconds without such refusals after which it is ready again (default: 5)",
        metavar="SECONDS",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observing:
    """what it tells of its work."""

    log_format: str = option(
        "auto",
        choice("auto", "text", "json"),
        "text, json, or auto for text on a terminal and JSON otherwise (default: auto)",
        metavar="FORMAT",
    )
    access_log: bool = option(
        True, boolean, "log every call; those that fail are logged anyway (default: yes)"
    )
    metrics_port: int | None = option(
        None,
        integer(0, 65535),
        "serve /metrics, /livez and /readyz over HTTP on this port, 0 for a free one (default: not)",
        metavar="PORT",
    )
    metrics_host: str = option(
        "localhost", text, "name or address for --metrics-port (default: localhost)", metavar="HOST"
    )
    otlp_endpoint: str | None = option(
        None, text, "send spans to this OTLP receiver, host:port, over gRPC (default: not)", metavar="TARGET"
    )
    otlp_insecure: bool = option(False, boolean, "without TLS: for a receiver on this machine")
    trace_ratio: float = option(
        1.0,
        ratio(1),
        "share of calls to trace, of those whose caller does not say (default: 1)",
        metavar="NUMBER",
    )
    capture_bad_requests: str | None = option(
        None, text, "keep requests that fail in files in this folder (default: not)", metavar="DIR"
    )
    capture_max_files: int = option(
        100, integer(1, 100_000), "of these files, the latest (default: 100)", metavar="N"
    )
    capture_max_bytes: int = option(
        64 * MIB, byte_size(1024, 1 << 40), "bytes of these files in sum (default: 64MiB)", metavar="SIZE"
    )
    capture_pixels: bool = option(
        True, boolean, "keep them with their pixels; without, only how many bytes these were (default: yes)"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Caching:
    """which results it keeps."""

    cache: str = option(
        "off",
        choice("off", "memory", "redis"),
        "keep results for equal requests: off, memory or redis (default: off)",
        metavar="NAME",
    )
    cache_bytes: int = option(
        256 * MIB,
        byte_size(MIB, 1 << 50),
        "bytes of results kept in memory (default: 256MiB)",
        metavar="SIZE",
    )
    cache_ttl: float = option(
        3600.0, seconds(0.1, MONTH), "seconds that a result is kept (default: 3600)", metavar="SECONDS"
    )
    cache_worth: float = option(
        2.0,
        ratio(1000),
        "look only for what takes that many times as long to compute as to find; 0 for all (default: 2)",
        metavar="N",
    )
    cache_scope: str = option(
        "caller",
        choice("caller", "shared"),
        "caller: who asks finds its own results; shared: everybody's (default: caller)",
        metavar="NAME",
    )
    cache_redis_url: str | None = option(
        None,
        redis_url,
        f"redis://, rediss:// or unix:// (default: {DEFAULT_URL}); one with a password not as a flag",
        metavar="URL",
    )
    cache_redis_url_file: str | None = option(
        None, text, "read the URL from this file, in which it may hold a password", metavar="FILE"
    )
    cache_redis_prefix: str = option(
        "imgsvc:", text, "what Redis's keys begin with (default: imgsvc:)", metavar="TEXT"
    )
    cache_redis_timeout: float = option(
        0.25,
        seconds(0.001, 10),
        "seconds that Redis may take to answer before it counts as down (default: 0.25)",
        metavar="SECONDS",
    )

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        if self.cache_redis_url is not None and self.cache_redis_url_file is not None:
            raise ConfigurationError(
                f"--cache-redis-url-file: {self.cache_redis_url_file}, expected no --cache-redis-url as well"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerConfig(
    Listening, Connections, Limits, Requests, Streams, Overload, Work, Security, Lifecycle, Observing, Caching
):
    """How a server listens and what it accepts. None stands for a choice that the server makes."""

    GROUPS: ClassVar[tuple[type, ...]] = (
        Listening,
        Connections,
        Limits,
        Requests,
        Streams,
        Overload,
        Work,
        Security,
        Lifecycle,
        Observing,
        Caching,
    )
    """In the order of ``--help``; the first line of each one's docstring is its title there."""

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        for group in self.GROUPS:
            check = group.__dict__.get("__post_init__")
            if check is not None:
                check(self)

    @property
    def num_stream_items(self) -> int:
        """The images of one batch stream that are under way at a time."""
        return self.max_stream_items or STREAM_ITEMS_PER_CORE * self.num_cores

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return the options that ``IMGSVC_CFG_…`` variables set.

        Raises
        ------
        ConfigurationError
            A variable has a value that its option cannot take, or no option of that name exists.
        """
        return from_environment(dataclasses.fields(cls), environment)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the options that a TOML file sets: ``max_calls = 64``, ``max_message_bytes = "64MiB"``.

        Raises
        ------
        ConfigurationError
            It cannot be read, is no TOML, or has a key or a value that is none of an option.
        """
        return from_file(dataclasses.fields(cls), path)
