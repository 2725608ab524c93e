"""From when to when a certificate is valid: Python's ssl tells that of a peer's only."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone

from imgsvc.errors import ConfigurationError

__all__ = ["validity"]

FORMATS = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""Of ASN.1's UTCTime and GeneralizedTime, as RFC 5280 allows them."""

VERSION = 0xA0
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def validity(pem: bytes) -> tuple[datetime, datetime]:
    """Return both times of the first certificate of a chain.

    Raises
    ------
    ConfigurationError
        It is none.
    """
    text = pem.decode("ascii")
    try:
        first = text[text.index(BEGIN) : text.index(END) + len(END)]
        certificate = _inside(ssl.PEM_cert_to_DER_cert(first))
        fields = _items(_inside(certificate))
        # Version (which may be absent), serial number, algorithm, issuer; then what is asked for.
        number = 4 if fields[0][0] == VERSION else 3
        begin, end = _items(fields[number][1])
        return _time(begin), _time(end)
    except (ValueError, IndexError, KeyError) as error:
        raise ConfigurationError(f"a certificate that cannot be read: {error}") from error


def _time(item: tuple[int, bytes]) -> datetime:
    tag, content = item
    return datetime.strptime(content.decode("ascii"), FORMATS[tag]).replace(tzinfo=timezone.utc)


def _inside(der: bytes) -> bytes:
    return _items(der)[0][1]


def _items(der: bytes) -> list[tuple[int, bytes]]:
    """Return tags and contents of what follows one another in DER."""
    found = []
    while der:
        length, begin = der[1], 2
        if length & 0x80:
            begin += length & 0x7F
            length = int.from_bytes(der[2:begin], "big")
        found.append((der[0], der[begin : begin + length]))
        der = der[begin + length :]
    return found
