"""How a client reaches its servers: addresses, retries, balancing, encryption, credentials."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import grpc
import grpc.aio

from imgsvc._files import failure_of
from imgsvc._targets import is_local, is_name
from imgsvc.errors import InvalidParameterError, ServiceUnavailableError, shown
from imgsvc.operations.parameters import integer

if TYPE_CHECKING:
    Certificate = str | os.PathLike[str] | bytes
    Metadata = tuple[tuple[str, str], ...]

__all__ = ["COMPRESSION", "Compression", "Connection", "Tls", "check_timeout"]

Compression = Literal["none", "gzip", "deflate"]

COMPRESSION = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Gzip,  # the same with a checksum; servers need not have both
}
MAX_RETRIES = 4
MAX_ENDPOINTS = 256
# A year: gRPC takes what does not fit its clock for a deadline that has passed.
MAX_TIMEOUT = 365 * 86400
TARGET = "host:port or unix:/path, or a list of these"

OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A server that comes back is found by the retries of a call: gRPC would wait for a second, and longer.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5000),
    # A name is looked up again when a connection ends, and by default no sooner than after 30 s.
    ("grpc.dns_min_time_between_resolutions_ms", 2000),
)


@dataclasses.dataclass(frozen=True)
class Tls:
    """How a connection is encrypted.

    Parameters
    ----------
    ca : path or bytes, optional
        The certificates (PEM) that the server's is checked against; by default those that gRPC brings.
    certificate, key : path or bytes, optional
        What this client shows to the server (PEM), where that asks for it; both or none.
    server_name : str, optional
        The name in the server's certificate, where it is not the target's.

    Raises
    ------
    InvalidParameterError
        A file cannot be read, or one of `certificate` and `key` is missing.
    """

    ca: Certificate | None = None
    certificate: Certificate | None = None
    key: Certificate | None = dataclasses.field(default=None, repr=False)
    server_name: str | None = None

    def __post_init__(self) -> None:
        """Read the files."""
        for name in ("ca", "certificate", "key"):
            object.__setattr__(self, name, _pem(f"tls.{name}", getattr(self, name)))
        if (self.certificate is None) != (self.key is None):
            raise InvalidParameterError("tls", "one of certificate and key", "both or none")
        if self.server_name is not None and (not isinstance(self.server_name, str) or not self.server_name):
            raise InvalidParameterError("tls.server_name", shown(self.server_name), "a name")

    def credentials(self) -> grpc.ChannelCredentials:
        """Return it as gRPC takes it."""
        ca, key, certificate = (
            None if each is None else bytes(each)  # type: ignore[arg-type]  # they have been read
            for each in (self.ca, self.key, self.certificate)
        )
        return grpc.ssl_channel_credentials(ca, key, certificate)


def _pem(field: str, given: object) -> bytes | None:
    if given is None or isinstance(given, bytes):
        return given
    if not isinstance(given, str | os.PathLike):
        raise InvalidParameterError(field, shown(given), "the path of a PEM file, or its bytes")
    try:
        return Path(given).read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidParameterError(field, given, f"a file that can be read: {failure_of(error)}") from error


class Token:
    """What tells the server who calls: a text, or a file with it, which is read again when it changes."""

    def __init__(self, given: str | os.PathLike[str]) -> None:
        self._text = given if isinstance(given, str) else ""
        self._path = None if isinstance(given, str) else Path(given)
        self._seen: tuple[int, int] | None = None
        self.read()

    def read(self) -> str:
        """Return the token."""
        if self._path is not None:
            try:
                stat = self._path.stat()
                seen = stat.st_mtime_ns, stat.st_size
                if seen != self._seen:
                    self._text, self._seen = self._path.read_text("ascii").strip(), seen
            except (OSError, ValueError) as error:
                reason = f"a file that can be read: {failure_of(error)}"
                raise InvalidParameterError("token", self._path, reason) from error
        # Never shown: it is a secret.
        if not self._text or not self._text.isascii() or not self._text.isprintable():
            raise InvalidParameterError("token", "something else", "ASCII without line breaks, not empty")
        return self._text


class Connection:
    """What a client was told about its servers, checked.

    Parameters
    ----------
    target, timeout, compression, tls, token, retries
        As of `imgsvc.Client`.

    Attributes
    ----------
    settings
        All of them, as they were given.

    Raises
    ------
    InvalidParameterError
        One of them cannot be so.
    ServiceUnavailableError
        The name of one of several servers is not known.
    """

    def __init__(
        self,
        target: str | Sequence[str],
        *,
        timeout: float | None,
        compression: Compression,
        tls: bool | Tls,
        token: str | os.PathLike[str] | None,
        retries: int,
    ) -> None:
        targets = _check_targets(target)
        self.settings: dict[str, Any] = {
            "target": target, "timeout": timeout, "compression": compression, "tls": tls, "token": token,
            "retries": retries,
        }  # fmt: skip
        if compression not in tuple(COMPRESSION):
            raise InvalidParameterError("compression", repr(compression), f"one of {', '.join(COMPRESSION)}")
        self.timeout = check_timeout(timeout)
        self.retries = integer("retries", retries, 0, MAX_RETRIES)
        self._compression = COMPRESSION[compression]
        self._credentials, self._tls = None, None
        if tls:
            given: object = Tls() if tls is True else tls
            if not isinstance(given, Tls):
                raise InvalidParameterError("tls", shown(tls), "True, False or imgsvc.Tls")
            self._tls, self._credentials = given, given.credentials()
        local = all(map(is_local, targets))
        self._token = _check_token(token, encrypted=bool(tls), local=local)
        balanced = not isinstance(target, str) or is_name(target)
        self.target = _as_one(targets) if len(targets) > 1 else targets[0]
        self._options = self._channel_options(local=local, balanced=balanced)

    def _channel_options(self, *, local: bool, balanced: bool) -> list[tuple[str, Any]]:
        options: list[tuple[str, Any]] = list(OPTIONS)
        if local:
            options.append(("grpc.enable_http_proxy", 0))
        if self._tls is not None and self._tls.server_name is not None:
            options.append(("grpc.ssl_target_name_override", self._tls.server_name))
        if balanced:
            config = {
                "loadBalancingConfig": [{"round_robin": {}}],
                "healthCheckConfig": {"serviceName": ""},
            }
            options.append(("grpc.service_config", json.dumps(config)))
        return options

    def channel(self) -> grpc.Channel:
        """Return a new channel."""
        if self._credentials is None:
            return grpc.insecure_channel(self.target, self._options, self._compression)
        return grpc.secure_channel(self.target, self._credentials, self._options, self._compression)

    def asynchronous_channel(self) -> grpc.aio.Channel:
        """Return a new channel of the event loop that runs."""
        if self._credentials is None:
            return grpc.aio.insecure_channel(self.target, self._options, self._compression)
        return grpc.aio.secure_channel(self.target, self._credentials, self._options, self._compression)

    def metadata(self) -> Metadata | None:
        """Return what goes with each call."""
        return None if self._token is None else (("authorization", f"Bearer {self._token.read()}"),)

    def seconds(self, timeout: float | None) -> float | None:
        """Return how long a call may take whose own limit is `timeout`."""
        return self.timeout if timeout is None else check_timeout(timeout)


def check_timeout(timeout: float | None) -> float | None:
    """Return `timeout` if it is a number of seconds that gRPC can wait for, or None."""
    given: object = timeout
    if timeout is None or (isinstance(given, int | float) and 0 < timeout <= MAX_TIMEOUT):
        return timeout
    raise InvalidParameterError("timeout", repr(timeout), f"seconds above 0, up to {MAX_TIMEOUT}, or None")


def _check_targets(target: object) -> list[str]:
    targets = list(target) if isinstance(target, Sequence) and not isinstance(target, str) else [target]
    if not 1 <= len(targets) <= MAX_ENDPOINTS:
        raise InvalidParameterError("target", f"{len(targets)} of them", f"1 to {MAX_ENDPOINTS}")
    checked = [each for each in targets if isinstance(each, str) and each]
    if len(checked) < len(targets):
        raise InvalidParameterError("target", shown(target), TARGET)
    return checked


def _check_token(token: object, *, encrypted: bool, local: bool) -> Token | None:
    if token is None:
        return None
    if not isinstance(token, str | os.PathLike):
        raise InvalidParameterError("token", type(token).__name__, "a text, or the path of a file")
    if not encrypted and not local:
        raise InvalidParameterError(
            "token", "given", "none without TLS: who listens on the way would have it; tls=True encrypts"
        )
    return Token(token)


def _as_one(targets: list[str]) -> str:
    """Return several servers as one target of gRPC, which knows lists of addresses, not of names."""
    sockets = [each.removeprefix("unix:") for each in targets if each.startswith("unix:")]
    if len(sockets) == len(targets):
        return f"unix:{','.join(sockets)}"
    if sockets:
        raise InvalidParameterError("target", shown(targets), "either Unix sockets or addresses")
    found = [_addresses(each) for each in targets]
    for family, scheme in ((socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")):
        if all(family in addresses for addresses in found):
            return f"{scheme}:{','.join(addresses[family] for addresses in found)}"
    raise InvalidParameterError(
        "target", shown(targets), "servers that all have IPv4, or all IPv6, addresses"
    )


def _addresses(target: str) -> dict[int, str]:
    """Return the first address of a server in each family."""
    host, separator, port = target.removeprefix("dns:///").rpartition(":")
    if not separator or not host or not port.isdecimal():
        raise InvalidParameterError("target", shown(target), TARGET)
    try:
        found = socket.getaddrinfo(
            host.removeprefix("[").removesuffix("]"), int(port), type=socket.SOCK_STREAM
        )
    except (OSError, ValueError, OverflowError) as error:
        details = f"{target}: {failure_of(error)}"
        raise ServiceUnavailableError(grpc.StatusCode.UNAVAILABLE, details) from error
    addresses: dict[int, str] = {}
    for family, _, _, _, address in found:
        where = str(address[0])
        addresses.setdefault(family, f"[{where}]:{port}" if family == socket.AF_INET6 else f"{where}:{port}")
    return addresses
