"""Bounded cache of what requests have in common, found by bytes that strangers write.

Those may write new ones without end. So it is bounded by number and by bytes, what is large is not kept, and
what is found again stays longer than what never was.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["MOST_KEY_BYTES", "MOST_KEY_FIELDS", "PreparedCache"]

V = TypeVar("V")

MOST_ENTRIES = 1024
MOST_BYTES = 16 << 20

MOST_KEY_BYTES = 16 << 10
"""Of one entry; a recipe of 64 operations takes a kilobyte or two, a small colour profile three."""

MOST_KEY_FIELDS = MOST_KEY_BYTES // 8
"""Of a message whose header is looked for: who sends more does not make others wait for that."""

MOST_TABLE_BYTES = 2 << 20
"""Of the kernels of one entry."""

ENTRY_BYTES = 2 << 10
OBJECTS_PER_BYTE = 32
"""What an entry takes by itself, and for each byte of its key: numbers and operations as Python has them."""

MOST_SPARED = 8
"""Of the oldest entries that were found again; so dropping takes the same time however many there are."""


class PreparedCache(Generic[V]):
    """Entries by their keys. Any thread may ask and keep; who finds takes no lock."""

    def __init__(self, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Hashable, _Entry[V]] = OrderedDict()
        self._lock = threading.Lock()
        self._num_bytes = 0

    def get(self, key: Hashable) -> V | None:
        """Return what was kept; None where nothing was, or no longer is."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        entry.found = True
        return entry.value

    def keep(self, key: Hashable, value: V, key_bytes: int, table_bytes: int = 0) -> None:
        """Keep something, unless it is too large.

        Parameters
        ----------
        key_bytes
            Of what the key was made of, as the client wrote it, or about as many.
        table_bytes
            What `value` holds beside, in tables of kernels.
        """
        if key_bytes > MOST_KEY_BYTES or table_bytes > MOST_TABLE_BYTES:
            return
        entry = _Entry(value, ENTRY_BYTES + OBJECTS_PER_BYTE * key_bytes + table_bytes)
        with self._lock:
            before = self._entries.pop(key, None)
            self._num_bytes += entry.num_bytes - (0 if before is None else before.num_bytes)
            self._entries[key] = entry
            while len(self._entries) > self._most_entries or self._num_bytes > self._most_bytes:
                self._drop()

    def _drop(self) -> None:
        """Drop the oldest that was not found again since it was last spared."""
        for _ in range(MOST_SPARED):
            key, entry = next(iter(self._entries.items()))
            if not entry.found:
                break
            entry.found = False
            self._entries.move_to_end(key)
        _, entry = self._entries.popitem(last=False)
        self._num_bytes -= entry.num_bytes


class _Entry(Generic[V]):
    __slots__ = ("found", "num_bytes", "value")

    def __init__(self, value: V, num_bytes: int) -> None:
        self.value = value
        self.num_bytes = num_bytes
        self.found = False
