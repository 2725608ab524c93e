"""Results in this process: the least recently used go first, and none stays longer than it may."""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENTRY_BYTES", "MemoryStore"]

ENTRY_BYTES = 640
"""What an entry takes beside its message, at most: the key, and its places in two dictionaries."""

LARGEST_SHARE = 8
"""A message larger than one such part of all is not kept: it would drive out everything else."""


class _Kept(NamedTuple):
    message: bytes
    size: int
    end: float


class MemoryStore:
    """Keeps messages, as they are, up to a number of bytes.

    Parameters
    ----------
    capacity
        Bytes, of messages and of what keeping them takes; never passed, not for a moment.
    ttl
        Seconds that a message is kept.
    clock
        What time it is, in seconds.

    Attributes
    ----------
    num_bytes, stores, dropped, evictions
        What it holds; how many it has taken, has not taken, and has let go to make room.
    """

    def __init__(self, capacity: int, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._ttl = ttl
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()  # the next to go first
        self._ages: OrderedDict[bytes, None] = OrderedDict()  # oldest first
        self._lock = threading.Lock()
        self.num_bytes = 0
        self.stores = 0
        self.dropped = 0
        self.evictions = 0

    def __len__(self) -> int:
        """Return how many messages it holds."""
        return len(self._kept)

    def get(self, key: bytes) -> bytes | None:
        """Return the message of a key, the same object each time; None where there is none."""
        with self._lock:
            self._let_old_go()
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept.message

    def peek(self, key: bytes) -> bytes | None:
        """Return what `get` would."""
        return self.get(key)

    def put(self, key: bytes, message: bytes) -> None:
        """Keep a message, unless it is too large."""
        size = sys.getsizeof(message) + ENTRY_BYTES
        with self._lock:
            if size > self._capacity // LARGEST_SHARE:
                self.dropped += 1
                return
            self._let_old_go()
            if key in self._kept:
                self._forget(key)
            while self.num_bytes + size > self._capacity:
                self._forget(next(iter(self._kept)))
                self.evictions += 1
            self._kept[key] = _Kept(message, size, self._clock() + self._ttl)
            self._ages[key] = None
            self.num_bytes += size
            self.stores += 1

    def fetch_seconds(self, num_bytes: int) -> float:
        """Return what it takes to fetch so many bytes: no time, or for ever where it does not keep them."""
        return 0.0 if num_bytes + ENTRY_BYTES <= self._capacity // LARGEST_SHARE else float("inf")

    def counters(self) -> dict[str, int]:
        """Return its counters by name."""
        with self._lock:
            return {
                "stores": self.stores,
                "dropped": self.dropped,
                "evictions": self.evictions,
                "errors": 0,
                "bytes": self.num_bytes,
                "entries": len(self._kept),
            }

    def close(self) -> None:
        """Let everything go."""
        with self._lock:
            self._kept.clear()
            self._ages.clear()
            self.num_bytes = 0

    def _let_old_go(self) -> None:
        now = self._clock()
        while self._ages:
            key = next(iter(self._ages))
            if self._kept[key].end > now:
                return
            self._forget(key)

    def _forget(self, key: bytes) -> None:
        self.num_bytes -= self._kept.pop(key).size
        del self._ages[key]
