"""The certificates of the TCP port, which change without a restart."""

from __future__ import annotations

import logging
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from imgsvc._files import failure_of
from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from imgsvc.config import ServerConfig
    from imgsvc.server.watched_files import WatchedFiles

__all__ = ["Certificates"]

log = logging.getLogger("imgsvc.server")


class Certificates:
    """What the files of the TLS options held when they last fitted each other.

    Of files that do not, gRPC only says at each handshake that its factory failed; so they are checked here.

    Parameters
    ----------
    config
        Names the files.
    files
        Has them read again.

    Raises
    ------
    ConfigurationError
        One cannot be read, holds something else, or does not fit the others.
    """

    def __init__(self, config: ServerConfig, files: WatchedFiles) -> None:
        if config.tls_cert is None or config.tls_key is None:
            raise AssertionError("made for a server with TLS")  # the configuration has either both or none
        self._cert, self._key, self._client_ca = config.tls_cert, config.tls_key, config.tls_client_ca
        self._warned = False
        self._current: grpc.ServerCertificateConfiguration
        files.add([path for path in (self._cert, self._key, self._client_ca) if path], self._load)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for one port: each remembers by itself which certificates it has."""
        given = self._current

        def changed() -> grpc.ServerCertificateConfiguration | None:
            """Tell what is new, before each handshake."""
            nonlocal given
            if given is self._current:
                return None
            given = self._current
            return given

        return grpc.dynamic_ssl_server_credentials(
            given,
            changed,  # type: ignore[arg-type]  # None is for no change, which the stubs do not know
            require_client_authentication=self._client_ca is not None,
        )

    def _load(self) -> None:
        chain = _read("--tls-cert", self._cert)
        key = _read("--tls-key", self._key)
        _check_certificates("--tls-cert", self._cert, chain)
        _check_pair(self._cert, self._key)
        client_ca = None
        if self._client_ca is not None:
            client_ca = _read("--tls-client-ca", self._client_ca)
            _check_certificates("--tls-client-ca", self._client_ca, client_ca)
        if (chain, key) != (_read("--tls-cert", self._cert), _read("--tls-key", self._key)):
            raise ConfigurationError(f"--tls-cert: {self._cert}: was written while it was read")
        self._warn()
        self._current = grpc.ssl_server_certificate_configuration([(key, chain)], client_ca)

    def _warn(self) -> None:
        if not self._warned and Path(self._key).stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            self._warned = True
            log.warning("--tls-key: %s: every user of this machine has it: chmod o= it", self._key)


def _read(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{option}: {path}: {failure_of(error)}") from error


def _check_certificates(option: str, path: str, content: bytes) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"{option}: {path}: no certificates in it, expected PEM") from error


def _check_pair(cert: str, key: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"is not the key of the certificate in {cert}"
        else:
            text = "no private key in it, expected PEM without a passphrase"
        raise ConfigurationError(f"--tls-key: {key}: {text}") from error
    except OSError as error:
        raise ConfigurationError(f"--tls-key: {key}: {failure_of(error)}") from error
