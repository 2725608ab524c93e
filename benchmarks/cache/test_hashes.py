"""The hashes that keys could be: `imgsvc.cache.digest` has chosen."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.cache.conftest import Hashed
from benchmarks.needs import BLAKE3

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE, SMALL = bytes(8 << 20), bytes(12 << 10)
ROUNDS = 20


def by_blake3(data: bytes) -> Any:
    from blake3 import blake3  # noqa: PLC0415 - it may be missing

    return blake3(data)


HASHES: dict[str, Callable[[bytes], Any]] = {
    "blake3": by_blake3,
    "sha256": hashlib.sha256,
    "blake2b": lambda data: hashlib.blake2b(data, digest_size=32),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=BLAKE3.mark if name == "blake3" else ()) for name in HASHES]
)
def test_hash(benchmark: Any, hashed: list[Hashed], name: str) -> None:
    def rate(data: bytes) -> float:
        start = time.perf_counter()
        HASHES[name](data).digest()
        return len(data) / (time.perf_counter() - start)

    benchmark.pedantic(lambda: rate(LARGE), rounds=ROUNDS, warmup_rounds=1)
    hashed.append(Hashed(name, *(max(rate(data) for _ in range(ROUNDS)) for data in (LARGE, SMALL))))
