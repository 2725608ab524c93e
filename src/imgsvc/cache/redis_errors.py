"""Errors of commands to a Redis: none answered, it refused, it does not hold all keys."""

from __future__ import annotations

__all__ = ["RefusedError", "UnavailableError", "UnservedError"]


class UnavailableError(Exception):
    """Redis did not answer in time, or at all; or nobody asks it now, since it did not."""


class RefusedError(Exception):
    """Redis answered with an error."""


class UnservedError(Exception):
    """What answers is a Redis of a kind that does not hold all keys."""
