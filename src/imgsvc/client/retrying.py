"""When a call is made again, or a batch that was interrupted taken up again.

All calls are safe to repeat: they change nothing on a server. gRPC's own retries do not know what a failure
says: a proxy resets a stream as if that were the server's fault, and has time limits of its own.
"""

from __future__ import annotations

import random
import time

import grpc

from imgsvc.client.failures import service_error
from imgsvc.errors import ServiceError, ServiceTimeoutError, ServiceUnavailableError

__all__ = ["Attempts", "ended_early", "no_progress", "was_idle"]

IDLE = "stream: nothing came"
"""What imgsvc-server says then."""

FIRST_BACKOFF, LARGEST_BACKOFF, GROWTH = 0.1, 2.0, 3.0
SPREAD = 0.2
"""Of a backoff, up and down, so that clients that a server has lost do not come back together."""

LARGEST_RETRY_AFTER = 30.0


class Attempts:
    """Counts the attempts since there was a result.

    Parameters
    ----------
    retries
        How many more there are after the first.
    seconds
        How long all of them may take together; None for ever.
    method
        What is called, by its full name.
    """

    def __init__(self, retries: int, seconds: float | None = None, method: str = "") -> None:
        self._retries = retries
        self._method = method
        self._made = 0
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """How many seconds are left; None where there is no end."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.0)

    def restart(self) -> None:
        """Forget those so far, since there was a result."""
        self._made = 0

    def seconds_after(self, error: grpc.RpcError) -> float:
        """Return how long to wait after what a single call raised, or raise its ServiceError.

        Not after a server said that it has too much to do: its caller knows best what to do meanwhile.
        """
        failure = service_error(error, self._method)
        try:
            return self.seconds_before_next(failure, busy=False)
        except ServiceError:
            raise failure from error

    def seconds_before_next(self, error: ServiceError, *, busy: bool = True) -> float:
        """Return how long to wait before the next one, or raise `error` where there is none.

        Parameters
        ----------
        busy
            Whether there is one after a server said that it has too much to do, and for how long.
        """
        retry_after = error.retry_after if isinstance(error, ServiceUnavailableError) else None
        again = error.code is grpc.StatusCode.UNAVAILABLE or was_idle(error)
        again = again or (busy and retry_after is not None)
        if not again or self._made >= self._retries:
            raise error
        self._made += 1
        backoff = min(FIRST_BACKOFF * GROWTH ** (self._made - 1), LARGEST_BACKOFF)
        backoff *= random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - nothing secret
        seconds = max(backoff, min(retry_after or 0.0, LARGEST_RETRY_AFTER))
        if self._end is not None and time.monotonic() + seconds >= self._end:
            raise error
        return seconds


def was_idle(error: ServiceError) -> bool:
    """Return whether a stream has ended because the server waited for images for too long."""
    return error.code is grpc.StatusCode.DEADLINE_EXCEEDED and error.details.startswith(IDLE)


def ended_early() -> ServiceError:
    """Return what to say of a stream that has ended before its results."""
    details = "the server ended the stream before all results had come"
    return ServiceUnavailableError(grpc.StatusCode.UNAVAILABLE, details)


def no_progress(timeout: float, waiting: int) -> ServiceError:
    """Return what to say where no result has come for too long."""
    details = f"no result for {timeout:g} s, {waiting} images were under way"
    return ServiceTimeoutError(grpc.StatusCode.DEADLINE_EXCEEDED, details)
