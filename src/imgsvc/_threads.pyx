"""How many threads a kernel gets where the caller does not say."""

import operator
import os

from imgsvc._available_cores import available_cores, cores_of_quota
from imgsvc.errors import InvalidParameterError, shown

cdef extern from "_affinity.h":
    int cores_of_affinity "imgsvc_affinity"() noexcept

MAX_THREADS = 256
"""More is a mistake: no kernel gains, and OpenMP would start them all."""

BYTES_PER_THREAD = 1 << 19
"""What is less work than copying so many bytes is done before a second thread has woken up."""

cdef enum:
    UNKNOWN = 0

_forked = False

cdef int quota = UNKNOWN


def _note_fork():
    global _forked
    _forked = True


# libgomp's threads do not survive a fork, and a second team in the child waits for them for ever.
os.register_at_fork(after_in_child=_note_fork)


def check_num_threads(num_threads):
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


def threads_for(int64_t num_bytes, num_threads):
    """Return how many threads share work that takes as long as copying `num_bytes`.

    At most `num_threads`, or as there are cores; in a process that was forked one.
    """
    return threads(num_bytes, AS_MANY_AS_CORES if num_threads is None else num_threads)


cdef int threads(int64_t num_bytes, int most) except -1:
    cdef int64_t useful = num_bytes // <int64_t>BYTES_PER_THREAD
    if useful <= 1 or _forked:  # asking how many cores there are takes longer than a small image
        return 1
    return <int>min(useful, cores() if most == AS_MANY_AS_CORES else most, <int>MAX_THREADS)


cdef int cores() except -1:
    """`available_cores`, asked of the system directly where that is possible."""
    global quota
    cdef int mask = cores_of_affinity()
    if mask == UNKNOWN:
        return available_cores()
    if quota == UNKNOWN:
        quota = min(cores_of_quota() or MAX_THREADS, MAX_THREADS)
    return min(mask, quota)
