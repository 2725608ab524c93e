"""Whole files: read at once, and written in full or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["creating", "failure_of", "replacing"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Give a file to write into, which takes its place at `path` when all has been written.

    It lies beside its place until then, and is gone where something fails. A symbolic link stays one, and the
    permissions of a file that is replaced stay.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    target = Path(os.path.realpath(path))
    unfinished = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


@contextlib.contextmanager
def creating(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Do as `replacing`, but replace nothing: also not what somebody else has written meanwhile.

    Raises
    ------
    FileExistsError
        There is something at `path`.
    OSError
        The file cannot be written.
    """
    target = Path(path)
    unfinished = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
        os.link(unfinished, target)  # which fails where a name is taken
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def failure_of(error: Exception) -> object:
    """Return what to tell of a failed read or write: the system's words, without the path."""
    return getattr(error, "strerror", None) or error
