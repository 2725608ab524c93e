"""When a batch that was interrupted is taken up again."""

from __future__ import annotations

import grpc

from imgsvc.errors import ServiceError, ServiceTimeoutError, ServiceUnavailableError

__all__ = ["Attempts", "ended_early", "no_progress", "was_idle"]

IDLE = "stream: nothing came"
"""What imgsvc-server says then."""

FIRST_BACKOFF, LARGEST_BACKOFF, GROWTH = 0.1, 2.0, 3.0
LARGEST_RETRY_AFTER = 30.0


class Attempts:
    """Counts the attempts since there was a result."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._made = 0

    def restart(self) -> None:
        """Forget those so far, since there was a result."""
        self._made = 0

    def seconds_before_next(self, error: ServiceError) -> float:
        """Return how long to wait before the next one, or raise `error` where there is none."""
        retry_after = error.retry_after if isinstance(error, ServiceUnavailableError) else None
        again = error.code is grpc.StatusCode.UNAVAILABLE or retry_after is not None or was_idle(error)
        if not again or self._made >= self._retries:
            raise error
        self._made += 1
        backoff = min(FIRST_BACKOFF * GROWTH ** (self._made - 1), LARGEST_BACKOFF)
        return max(backoff, min(retry_after or 0.0, LARGEST_RETRY_AFTER))


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
