"""Whether results are kept, and where."""

from __future__ import annotations

import dataclasses
from urllib.parse import parse_qsl, urlsplit

from imgsvc._options import Secret, byte_size, choice, ratio, seconds, text
from imgsvc.config.option import MIB, option
from imgsvc.errors import ConfigurationError

__all__ = ["Caching", "redis_name", "redis_url"]

SCHEMES = ("redis", "rediss", "unix")
PARAMETERS = ("db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Of redis-py's own those that a URL may have; others would undo what keeps operations short."""

DEFAULT_URL = "redis://localhost:6379"
MONTH = 31 * 86400


def redis_url(value: str) -> str:
    """Return the URL of a Redis, as a `Secret` if it holds a password; errors do not show it."""
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        raise ConfigurationError("no URL, expected redis://, rediss:// or unix://") from None
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(f"the scheme {parts.scheme!r}, expected redis://, rediss:// or unix://")
    if parts.scheme == "unix" and not parts.path:
        raise ConfigurationError("no path, expected unix:///path/to/socket")
    if parts.scheme != "unix" and not parts.hostname:
        raise ConfigurationError(f"no host, expected {parts.scheme}://host:port")
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if name not in PARAMETERS:
            raise ConfigurationError(f"the parameter {name!r}, expected one of {', '.join(PARAMETERS)}")
    if port == 0:
        raise ConfigurationError("port 0, expected 1 to 65535")
    return Secret(value.strip()) if parts.password else value.strip()


def redis_name(url: str) -> str:
    """Return what a log calls a Redis: its host and port, or its socket."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


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
