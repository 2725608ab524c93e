"""What a store of results is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Store"]


class Store(Protocol):
    """Keeps messages by key. None of it ever raises: what goes wrong is a message that is not there."""

    def get(self, key: bytes) -> bytes | None:
        """Return a message; None where there is none. It takes a bounded time."""

    def peek(self, key: bytes) -> bytes | None:
        """Return a message if this process has it at hand."""

    def put(self, key: bytes, message: bytes) -> None:
        """Keep a message, now or soon, or not at all; its caller does not wait for that."""

    def fetch_seconds(self, num_bytes: int) -> float:
        """Return what `get` takes for a message of that size; infinity where it keeps none so large."""

    def counters(self) -> dict[str, int]:
        """Return stores, dropped, evictions, errors, bytes and entries, as far as they are known here."""

    def close(self) -> None:
        """Let go of what it has."""
