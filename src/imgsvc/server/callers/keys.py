"""Keys, by which callers prove who they are.

A key is 256 random bits, made here. So a plain SHA-256 of it can be kept: nobody finds the key from that by
trying, as they would find a password, and a slow hash would only cost each call its time.
"""

from __future__ import annotations

import hashlib
import re
import secrets

__all__ = ["SHOWN", "digest_of", "new_key", "shown_digest"]

PREFIX = "imgsvc_"
"""By which people, and programs that look for leaked secrets, know what it is."""

SHOWN = re.compile(r"sha256:([0-9a-f]{64})")
"""A digest as a file has it."""


def new_key() -> str:
    """Return a key that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def shown_digest(key: str) -> str:
    """Return what is kept of a key, as a file has it."""
    return f"sha256:{digest_of(key).hex()}"
