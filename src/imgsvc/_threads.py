"""How many threads a kernel gets where the caller does not say."""

from __future__ import annotations

import operator
import os

from imgsvc._available_cores import available_cores
from imgsvc.errors import InvalidParameterError, shown

MAX_THREADS = 256
"""More is a mistake: no kernel gains, and OpenMP would start them all."""

BYTES_PER_THREAD = 1 << 18
"""An image smaller than this is done before a second thread has woken up."""

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
    """Return the number of threads to run a kernel on that reads `num_bytes`.

    A process that was forked gets one, whatever was asked for.
    """
    if _forked:
        return 1
    if num_threads is not None:
        return num_threads
    if num_bytes < 2 * BYTES_PER_THREAD:  # asking how many cores there are would take longer
        return 1
    return max(1, min(available_cores(), num_bytes // BYTES_PER_THREAD, MAX_THREADS))
