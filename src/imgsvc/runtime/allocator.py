"""The C library's allocator, set up for large buffers that come and go.

By default glibc maps every large buffer afresh and unmaps it when it is freed, so that each request pays for
thousands of page faults per buffer. Kept in the heap instead, the same pages serve one request after another.
"""

from __future__ import annotations

import ctypes
import functools
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["QuietTrim", "is_tuned", "trim", "tune_allocator"]

# malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8

SETTINGS = (
    # Only the main arena can hold large buffers in its heap, and one that all threads share reuses most.
    (M_ARENA_MAX, 1),
    (M_MMAP_THRESHOLD, 1 << 30),
    (M_TRIM_THRESHOLD, 2**31 - 1),  # the largest it takes; `QuietTrim` gives back
    (M_TOP_PAD, 256 << 20),  # address space, not memory: the heap grows in fewer steps
)

_taken: dict[int, bool] = {}

QUIET_SECONDS = 5.0
"""Giving back gigabytes takes a tenth of a second, and the next large request faults its pages in again."""


def tune_allocator() -> bool:
    """Make this process keep and reuse the memory of large buffers, as ``imgsvc-server`` does.

    Programs that call a `Client` with large images gain most. It changes the whole process: memory that is
    freed stays with it, for its next buffers, until somebody calls `malloc_trim`. Call it early, before gRPC
    is loaded and threads are started; threads that exist keep arenas of their own.

    Returns
    -------
    bool
        Whether the allocator took it: always with glibc, never elsewhere.
    """
    libc = _glibc()
    if libc is not None:
        _taken.clear()
        _taken.update({name: libc.mallopt(name, value) == 1 for name, value in SETTINGS})
    return is_tuned()


def is_tuned() -> bool:
    """Return whether `tune_allocator` was called in this process, and the allocator took all of it."""
    return bool(_taken) and all(_taken.values())


def trim() -> bool:
    """Give memory that nothing uses back to the system; return whether there was any."""
    libc = _glibc()
    return libc is not None and libc.malloc_trim(0) == 1


@functools.cache
def _glibc() -> Any:
    """Return glibc, or None where the C library is another one."""
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    if not hasattr(libc, "gnu_get_libc_version"):
        return None
    libc.mallopt.argtypes, libc.mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    libc.malloc_trim.argtypes, libc.malloc_trim.restype = (ctypes.c_size_t,), ctypes.c_int
    return libc


class QuietTrim:
    """A thread that calls `trim` once after each busy spell.

    Parameters
    ----------
    quiet_since
        Returns when the last work ended, on the monotonic clock, or None while there is some.
    """

    def __init__(self, quiet_since: Callable[[], float | None], seconds: float = QUIET_SECONDS) -> None:
        self._quiet_since = quiet_since
        self._seconds = seconds
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imgsvc-trim", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        trimmed = self._quiet_since()
        while not self._closed.wait(self._seconds / 5):
            since = self._quiet_since()
            if since is not None and since != trimmed and time.monotonic() - since >= self._seconds:
                trim()
                trimmed = since
