"""How many threads a kernel gets where the caller does not say."""

from __future__ import annotations

import operator
import os

from imgsvc._available_cores import available_cores
from imgsvc.errors import InvalidParameterError, shown

MAX_THREADS = 256
"""More is a mistake: no kernel gains, and OpenMP would start them all."""

BYTES_PER_THREAD = 1 << 19
"""What is less work than copying so many bytes is done before a second thread has woken up."""

_forked = False


def _note_fork() -> None:
    global _forked  # noqa: PLW0603 - a fact about the process
    _forked = True


# libgomp's threads do not survive a fork, and a second team in the child waits for them for ever.
os.register_at_fork(after_in_child=_note_fork)


def check_num_threads(num_threads: int | None) -> int | None:
    """Return `num_threads` as an int, or None where the caller leaves the choice to imgsvc.

    Raises
    ------
    InvalidParameterError
        It is no integer, or not in 1 to `MAX_THREADS`.
    """
    if num_threads is None:
        return None
    try:
        count = operator.index(num_threads)
    except TypeError:
        count = 0
    if not 1 <= count <= MAX_THREADS:
        raise InvalidParameterError(
            "num_threads", shown(num_threads), f"an integer from 1 to {MAX_THREADS}, or None"
        )
    return count


def threads_for(num_bytes: int, num_threads: int | None) -> int:
    """Return how many threads share work that takes as long as copying `num_bytes`.

    At most `num_threads`, or as there are cores; in a process that was forked one.
    """
    useful = num_bytes // BYTES_PER_THREAD
    if _forked or useful <= 1:  # asking how many cores there are takes longer than a small image
        return 1
    return min(useful, available_cores() if num_threads is None else num_threads, MAX_THREADS)
