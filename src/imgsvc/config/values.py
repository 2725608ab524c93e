"""Values of single options that no other program has: a socket's mode, the URL of a Redis."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from imgsvc._options import Secret
from imgsvc.errors import ConfigurationError

__all__ = ["DEFAULT_URL", "file_mode", "redis_name", "redis_url"]

OWNER, ALL = 0o600, 0o777

SCHEMES = ("redis", "rediss", "unix")
PARAMETERS = ("db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Of redis-py's own those that a URL may have; others would undo what keeps operations short."""

DEFAULT_URL = "redis://localhost:6379"


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


def redis_url(value: str) -> str:
    """Return the URL of a Redis, as a `Secret` if it holds a password; errors do not show it."""
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        raise ConfigurationError("no URL, expected redis://, rediss:// or unix://") from None
    scheme = value.strip()[: len(parts.scheme)]  # as it is written: redis-py knows no capitals
    if scheme not in SCHEMES:
        raise ConfigurationError(f"the scheme {scheme!r}, expected redis://, rediss:// or unix://")
    if parts.scheme == "unix" and not parts.path:
        raise ConfigurationError("no path, expected unix:///path/to/socket")
    if parts.scheme != "unix" and not parts.hostname:
        raise ConfigurationError(f"no host, expected {parts.scheme}://host:port")
    _check_parameters(parts.scheme, dict(parse_qsl(parts.query, keep_blank_values=True)))
    if port == 0:
        raise ConfigurationError("port 0, expected 1 to 65535")
    return Secret(value.strip()) if parts.password else value.strip()


def _check_parameters(scheme: str, given: dict[str, str]) -> None:
    for name in given:
        if name not in PARAMETERS:
            raise ConfigurationError(f"the parameter {name!r}, expected one of {', '.join(PARAMETERS)}")
        if name != "db" and scheme != "rediss":
            raise ConfigurationError(f"the parameter {name!r} of {scheme}://, expected it of rediss:// only")
    if not (given.get("db") or "0").isdecimal():
        raise ConfigurationError("the parameter 'db', expected a number")
    if "ssl_keyfile" in given and "ssl_certfile" not in given:
        raise ConfigurationError("the parameter 'ssl_keyfile', expected 'ssl_certfile' beside it")


def redis_name(url: str) -> str:
    """Return what a log calls a Redis: its host and port, or its socket."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
