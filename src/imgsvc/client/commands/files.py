"""Which files go in, and where their results go."""

from __future__ import annotations

import glob
import os
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from imgsvc.codec import FORMATS, format_of_name, formats
from imgsvc.errors import ImageReadError, ImageWriteError
from imgsvc.processing.given import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imgsvc.processing.result import Result

__all__ = [
    "MOST_OF_BEGINNING",
    "STANDARD",
    "expanded",
    "file_of",
    "read_input",
    "result_name",
]

STANDARD = "-"
"""The name of stdin and stdout."""

MOST_OF_BEGINNING = 1024
"""Bytes by which formats are found."""


def expanded(names: Iterable[str]) -> Iterator[Path]:
    """Yield the files that names and patterns stand for, those of a pattern in order.

    Raises
    ------
    ImageReadError
        No file is like a pattern.
    """
    for name in names:
        if glob.has_magic(name) and not os.path.lexists(name):
            found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path takes no absolute pattern
            if not found:
                raise ImageReadError(f"{name}: no file is like this")
            yield from map(Path, found)
        else:
            yield Path(name)


def read_input(path: Path) -> bytes:
    """Return the bytes of a file, or of stdin.

    Raises
    ------
    ImageReadError
        It cannot be read, or nothing came.
    """
    if str(path) != STANDARD:
        return read_file(path)
    image = sys.stdin.buffer.read()
    if not image:
        raise ImageReadError("-: nothing came from stdin")
    return image


def result_name(image: str, kind: str | None) -> str:
    """Return what the result of an image is called: as the image, with the extension of its format."""
    if kind is None or kind not in formats() or format_of_name(image) == kind:
        return image
    return PurePosixPath(image).with_suffix(formats()[kind].extensions[0]).as_posix()


def file_of(result: Result) -> memoryview:
    """Return the file that a result is.

    Raises
    ------
    ImageWriteError
        It is pixels: a preset of the server's says so.
    """
    if result.data is None:
        raise ImageWriteError("the result is raw pixels: choose a --format")
    return result.data


def check_named(path: Path) -> str | None:
    """Return the format that the name of an output stands for, or None for a name without an extension.

    Raises
    ------
    ImageWriteError
        It has an extension of no format.
    """
    kind = format_of_name(path.name)
    if kind is None and path.suffix:
        known = ", ".join(formats()[name].extensions[0] for name in FORMATS)
        raise ImageWriteError(f"{path}: no format for the extension {path.suffix!r} to write: use {known}")
    return kind
