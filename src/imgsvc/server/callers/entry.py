"""Entries of callers: how one is written in a file."""

from __future__ import annotations

import dataclasses
import difflib
import re
from typing import TYPE_CHECKING, Any

from imgsvc.errors import ConfigurationError, shown
from imgsvc.server.callers.keys import SHOWN

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["CallerEntry", "read_caller"]

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
ALL = "*"
MAX_CALLS = 1 << 20
MAX_PIXELS_PER_SECOND = 1 << 50


@dataclasses.dataclass(frozen=True)
class CallerEntry:
    """Somebody whom the server knows.

    Attributes
    ----------
    name
        For logs and metrics.
    digests
        Of the keys that are valid.
    certificates
        Names in certificates of clients: a subject's common name, or an alternative one.
    methods
        What may be called: ``"/imgsvc.v1.ImageService/Process"``.
    max_calls, pixels_per_second
        Quotas; None for none.
    """

    name: str
    digests: frozenset[bytes] = frozenset()
    certificates: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    max_calls: int | None = None
    pixels_per_second: int | None = None


KEYS = ("keys", "certificates", "methods", "max_calls", "pixels_per_second")


def read_caller(name: str, table: Any, methods: Collection[str]) -> CallerEntry:
    """Return a caller from its table in a file.

    Parameters
    ----------
    name, table
        Its name and what the file says.
    methods
        All that there are, with the slash before.

    Raises
    ------
    ConfigurationError
        It is no such table, in one line that names the caller, the key and the value.
    """
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"[{shown(name)[1:-1]}]: expected a name of 1 to 64 of A-Z a-z 0-9 _ . -")
    where = f"[{name}]"
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where}: {shown(table)}, expected a table")
    for key in table:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"; did you mean {near[0]}?" if near else f", expected one of {', '.join(KEYS)}"
            raise ConfigurationError(f"{where} {shown(key)[1:-1]}: there is no such key{hint}")
    if not ("keys" in table or "certificates" in table):
        raise ConfigurationError(f"{where}: expected keys, certificates, or both")
    return CallerEntry(
        name,
        frozenset(_digest(where, text) for text in _texts(where, table, "keys", ())),
        frozenset(_texts(where, table, "certificates", ())),
        _methods(where, _texts(where, table, "methods", (ALL,)), methods),
        _count(where, table, "max_calls", MAX_CALLS),
        _count(where, table, "pixels_per_second", MAX_PIXELS_PER_SECOND),
    )


def _texts(where: str, table: dict[str, Any], key: str, default: tuple[str, ...]) -> list[str]:
    given = table.get(key, list(default))
    if not isinstance(given, list) or not all(isinstance(text, str) and text for text in given):
        # Not the value: somebody may have written a key where its hash belongs.
        raise ConfigurationError(f"{where} {key}: something else, expected a list of strings")
    return given


def _digest(where: str, text: str) -> bytes:
    found = SHOWN.fullmatch(text)
    if found is None:
        expected = "'sha256:' and 64 hexadecimal digits, as imgsvc-server --new-key prints them"
        raise ConfigurationError(f"{where} keys: something else, expected {expected}")
    return bytes.fromhex(found[1])


def _methods(where: str, patterns: list[str], methods: Collection[str]) -> frozenset[str]:
    allowed: set[str] = set()
    for pattern in patterns:
        path = f"/{pattern.lstrip('/')}"
        if pattern.endswith(ALL):
            start = "/" if pattern == ALL else path.removesuffix(ALL)
            matched = {method for method in methods if method.startswith(start)}
        else:
            matched = {path} & set(methods)
        if not matched:
            near = difflib.get_close_matches(path, methods, 1)
            hint = f"; did you mean {near[0][1:]}?" if near else ""
            raise ConfigurationError(f"{where} methods: {shown(pattern)} is no method of this server{hint}")
        allowed |= matched
    return frozenset(allowed)


def _count(where: str, table: dict[str, Any], key: str, limit: int) -> int | None:
    given = table.get(key)
    if given is None or (type(given) is int and 1 <= given <= limit):
        return given
    raise ConfigurationError(f"{where} {key}: {shown(given)}, expected an integer from 1 to {limit}")
