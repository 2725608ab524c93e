"""A folder for a Unix socket that only this user can reach."""

from __future__ import annotations

import tempfile

__all__ = ["private_folder"]

# A socket's path has a hundred bytes, and some systems' temporary folders need most of them.
MAX_FOLDER = 70


def private_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a new one, which goes when its context ends, or when it is cleaned up."""
    place = None if len(tempfile.gettempdir()) < MAX_FOLDER else "/tmp"  # noqa: S108 - a new folder in it
    return tempfile.TemporaryDirectory(prefix="imgsvc-", dir=place)
