"""The hashes that keys could be: `imgsvc.cache.digest` has chosen."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import pytest

try:
    from blake3 import blake3
except ImportError:
    blake3 = None  # type: ignore[assignment,misc]  # it is optional

from benchmarks.cache.conftest import Hashed

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE, SMALL = bytes(8 << 20), bytes(12 << 10)
ROUNDS = 20


HASHES: dict[str, Callable[[bytes], Any]] = {
    **({} if blake3 is None else {"blake3": blake3}),
    "sha256": hashlib.sha256,
    "blake2b": lambda data: hashlib.blake2b(data, digest_size=32),
}


@pytest.mark.parametrize("name", HASHES)
def test_hash(benchmark: Any, hashed: list[Hashed], name: str) -> None:
    def rate(data: bytes) -> float:
        start = time.perf_counter()
        HASHES[name](data).digest()
        return len(data) / (time.perf_counter() - start)

    benchmark.pedantic(lambda: rate(LARGE), rounds=ROUNDS, warmup_rounds=1)
    hashed.append(Hashed(name, *(max(rate(data) for _ in range(ROUNDS)) for data in (LARGE, SMALL))))
