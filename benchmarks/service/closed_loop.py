"""A number of clients, each of which calls again as soon as it has its answer."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def burst(
    call: Callable[[Any], Any],
    requests: Sequence[Any],
    *,
    clients: int,
    warm_up: float | None,
    seconds: float,
    at_least: int,
) -> tuple[float, list[float]]:
    """Call from `clients` threads; return the seconds from the first timed call to the last, and each one's.

    They start together, and each calls until `seconds` have passed, at least `at_least` times. All calls are
    finished and counted: a burst is the work of whole calls.

    Parameters
    ----------
    call
        Makes one call.
    requests
        What it takes; each thread goes round them, from a place of its own.
    warm_up
        Seconds for which each thread calls beforehand, at least once; None if not at all.
    """
    latencies: list[float] = []
    ends: list[float] = []
    errors: list[Exception] = []
    start = 0.0

    def note_start() -> None:
        nonlocal start
        start = time.perf_counter()

    together = threading.Barrier(clients, action=note_start)

    def client(number: int) -> None:
        place = number % len(requests)
        turns = itertools.cycle([*requests[place:], *requests[:place]])
        try:
            if warm_up is not None:
                _calls(call, turns, until=time.perf_counter() + warm_up, at_least=1)
            together.wait()
            latencies.extend(_calls(call, turns, until=start + seconds, at_least=at_least))
            ends.append(time.perf_counter())
        except threading.BrokenBarrierError:
            pass  # the one who broke it says why
        except Exception as error:  # noqa: BLE001 - raised again where the threads are joined
            errors.append(error)
            together.abort()

    threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return max(ends) - start, latencies


def _calls(
    call: Callable[[Any], Any], requests: Iterator[Any], *, until: float, at_least: int
) -> list[float]:
    latencies: list[float] = []
    begin = time.perf_counter()
    while begin < until or len(latencies) < at_least:
        call(next(requests))
        end = time.perf_counter()
        latencies.append(end - begin)
        begin = end
    return latencies
