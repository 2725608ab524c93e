"""Files that the URL of a Redis with TLS names: found to be of use or not before any handshake."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from imgsvc.errors import ConfigurationError

__all__ = ["check_tls_files"]


def check_tls_files(url: str) -> None:
    """Read the files of a URL. They are read again at each handshake, where an error would name none of them.

    Raises
    ------
    ConfigurationError
        One cannot be read or holds something else, or a certificate and a key are not of each other.
    """
    given = dict(parse_qsl(urlsplit(url).query))
    files = {name: given[name] for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile") if name in given}
    for name, path in files.items():
        try:
            Path(path).read_bytes()
        except (OSError, ValueError) as error:
            raise _wrong(name, path, getattr(error, "strerror", None) or str(error)) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if "ssl_ca_certs" in files:
        try:
            context.load_verify_locations(files["ssl_ca_certs"])
        except ssl.SSLError as error:
            path = files["ssl_ca_certs"]
            raise _wrong("ssl_ca_certs", path, "no certificates in it, expected PEM") from error
    if "ssl_certfile" in files:
        _check_pair(context, files["ssl_certfile"], files.get("ssl_keyfile"))


def _check_pair(context: ssl.SSLContext, cert: str, key: str | None) -> None:
    try:
        context.load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        there = key or cert
        text = f"not of the key in {there}, or no PEM without a passphrase"
        raise _wrong("ssl_certfile", cert, text) from error


def _wrong(name: str, path: str, text: str) -> ConfigurationError:
    return ConfigurationError(f"--cache-redis-url: {name}: {path}: {text}")
