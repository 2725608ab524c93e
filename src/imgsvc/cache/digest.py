"""The 256-bit digest that results are found by, and that tells a sound one from a damaged one.

BLAKE3 where its package is there, which the extra ``redis`` brings: it is three to four times as fast as
SHA-256 with the CPU's own instructions for that, and so decides what is worth looking for. Both let other
threads run meanwhile. ``pytest benchmarks/cache --benchmark-only -k hash`` compares them.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

try:
    from blake3 import blake3
except ImportError:
    blake3 = None  # type: ignore[assignment,misc]  # it is optional

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Buffer = bytes | memoryview

__all__ = ["DIGEST_BYTES", "HASH", "digest_of", "seconds_a_byte"]

DIGEST_BYTES = 32

HASH = "sha256" if blake3 is None else "blake3"
"""Which it is: a part of each key, so that servers with another find nothing of each other's."""

_new: Callable[[Buffer], Any] = hashlib.sha256 if blake3 is None else blake3

MEASURED_BYTES = 1 << 20
ROUNDS = 3


def digest_of(text: bytes, data: Buffer) -> bytes:
    """Return the digest of a text and of the digest of data.

    Of the data by itself, since BLAKE3 takes several times as long for what begins within one of its blocks.
    """
    digest: bytes = _new(text + _new(data).digest()).digest()
    return digest


def seconds_a_byte() -> float:
    """Return what hashing a byte takes on this machine; measuring it takes a millisecond or two."""
    data = bytes(MEASURED_BYTES)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        digest_of(b"", data)
        times.append(time.perf_counter() - start)
    return min(times) / MEASURED_BYTES
