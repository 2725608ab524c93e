"""Stopping between pieces of work that are no kernel's, and look at flag and deadline themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.errors import StoppedError

if TYPE_CHECKING:
    from imgsvc._stop import Stop


def go_on(stop: Stop | None) -> None:
    """Do nothing, unless the next piece of work is not to be begun.

    Raises
    ------
    StoppedError
        `stop` was cancelled, or its deadline has passed.
    """
    if stop is not None:
        remaining = stop.remaining
        if stop.cancelled or (remaining is not None and remaining <= 0):
            raise StoppedError(cancelled=stop.cancelled)
