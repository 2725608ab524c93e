"""How a message lies in Redis: so that what is not whole, or not ours, is found out."""

from __future__ import annotations

import struct

from imgsvc.cache.digest import DIGEST_BYTES, digest_of

__all__ = ["FRAME_BYTES", "framed", "message_of"]

MAGIC = b"imgsvc\0"
VERSION = 1
HEADER = struct.Struct(f"<{len(MAGIC)}sBQ{DIGEST_BYTES}s")
FRAME_BYTES = HEADER.size


def framed(key: bytes, message: bytes) -> bytes:
    """Return what goes before a message: what it is, its length, and a digest of its key and itself."""
    return HEADER.pack(MAGIC, VERSION, len(message), digest_of(key, message))


def message_of(key: bytes, value: object) -> bytes | None:
    """Return the message of a value; None if it is anything else than what was written under this key."""
    if not isinstance(value, bytes) or len(value) < FRAME_BYTES:
        return None
    magic, version, length, digest = HEADER.unpack_from(value)
    if (magic, version, length) != (MAGIC, VERSION, len(value) - FRAME_BYTES):
        return None
    if digest_of(key, memoryview(value)[FRAME_BYTES:]) != digest:
        return None
    return value[FRAME_BYTES:]
