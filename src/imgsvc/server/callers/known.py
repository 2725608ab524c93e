"""Everybody whom the server knows, from one file."""

from __future__ import annotations

import dataclasses
import hmac
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._files import failure_of
from imgsvc.errors import ConfigurationError
from imgsvc.server.callers.entry import CallerEntry, read_caller
from imgsvc.server.callers.keys import digest_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["Known", "read_callers"]

MAX_FILE_BYTES = 1 << 24
"""More than a hundred thousand callers."""


@dataclasses.dataclass(frozen=True)
class Known:
    """Callers by what they prove themselves with.

    Attributes
    ----------
    callers
        By name.
    """

    callers: dict[str, CallerEntry]
    _by_digest: dict[bytes, CallerEntry] = dataclasses.field(init=False, repr=False)
    _by_certificate: dict[str, CallerEntry] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index them; raises ConfigurationError where two have something in common."""
        object.__setattr__(self, "_by_digest", {})
        object.__setattr__(self, "_by_certificate", {})
        for caller in self.callers.values():
            for digest in caller.digests:
                other = self._by_digest.setdefault(digest, caller)
                if other is not caller:
                    raise ConfigurationError(f"[{caller.name}] keys: one of them is also [{other.name}]'s")
            for name in caller.certificates:
                other = self._by_certificate.setdefault(name, caller)
                if other is not caller:
                    raise ConfigurationError(
                        f"[{caller.name}] certificates: {name!r} is also [{other.name}]'s"
                    )

    def by_key(self, key: str) -> CallerEntry | None:
        """Return whose key it is.

        The time that takes says nothing of the keys that there are. They are found by SHA-256: who tries keys
        cannot choose how much of a digest matches, so where a comparison ends is noise to them, and the last
        one is of constant time as well.
        """
        digest = digest_of(key)
        caller = self._by_digest.get(digest)
        if caller is None:
            return None
        same = [hmac.compare_digest(digest, each) for each in caller.digests]
        return caller if any(same) else None

    def by_certificate(self, names: Iterable[str]) -> CallerEntry | None:
        """Return whose certificate it is that has these names; None for nobody's, or for that of several."""
        found = {caller.name: caller for name in names if (caller := self._by_certificate.get(name))}
        return next(iter(found.values())) if len(found) == 1 else None

    @property
    def have_keys(self) -> bool:
        """Whether somebody has a key."""
        return bool(self._by_digest)

    @property
    def have_certificates(self) -> bool:
        """Whether somebody is known by a certificate."""
        return bool(self._by_certificate)


def read_callers(path: str, methods: Collection[str]) -> Known:
    """Return who is in a TOML file: a table for each caller.

    ::

        [webshop]
        keys = ["sha256:5ca4…"]
        methods = ["imgsvc.v1.ImageService/*"]
        max_calls = 16
        pixels_per_second = 50_000_000

    Parameters
    ----------
    path
        Of the file.
    methods
        All that callers might be allowed.

    Raises
    ------
    ConfigurationError
        It cannot be read, or something in it is none of this, or there is nobody in it.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigurationError(f"{path}: more than {MAX_FILE_BYTES} bytes, expected callers")
        tables = tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigurationError(f"{path}: {failure_of(error)}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: no TOML: byte {error.start} is no UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: no TOML: {' '.join(str(error).split())}") from None
    if not tables:  # a file that is being written is empty at first, and would lock everybody out
        raise ConfigurationError(f"{path}: nobody in it, expected a table for each caller")
    try:
        return Known({name: read_caller(name, table, methods) for name, table in tables.items()})
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
