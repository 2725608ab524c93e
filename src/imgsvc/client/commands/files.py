"""Which files go in, and where their results go."""

from __future__ import annotations

import glob
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._files import creating, failure_of, replacing
from imgsvc.client.batch import find_images
from imgsvc.codec import FORMATS, format_of, format_of_name, formats
from imgsvc.errors import ImageReadError, ImageWriteError, InvalidInputError
from imgsvc.processing.given import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imgsvc.processing.result import Result

__all__ = [
    "STANDARD",
    "expanded",
    "file_of",
    "format_of_file",
    "images_below",
    "read_input",
    "result_path",
    "write_result",
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


def images_below(source: str, target: Path) -> tuple[Path, list[Path], list[tuple[Path, str]], list[Path]]:
    """Return a folder, its images relative to it, what of it cannot be read, and files that are no images.

    Parameters
    ----------
    source
        A folder, or a pattern of files.
    target
        What is below this folder is left out.

    Raises
    ------
    ImageReadError
        There are none.
    """
    if os.path.isdir(source) or not glob.has_magic(source):  # noqa: PTH112 - answers False for what it may not see
        images, unreadable, others = find_images(Path(source), apart_from=target)
        if not images:
            raise ImageReadError(
                f"{source}: {unreadable[0][1] if unreadable else 'no images in this folder'}"
            )
        return Path(source), images, list(unreadable), others
    paths = [path for path in expanded([source]) if path.is_file()]
    if not paths:
        raise ImageReadError(f"{source}: no file is like this")
    base = Path(os.path.commonpath([path.parent for path in paths]))
    return base, [path.relative_to(base) for path in paths], [], []


def format_of_file(path: Path) -> str | None:
    """Return the format of a file by its first bytes, which its name may not say; None where it has none."""
    try:
        with path.open("rb") as file:
            return format_of(file.read(MOST_OF_BEGINNING))
    except (OSError, InvalidInputError):  # who reads all of it says so
        return None


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


def result_path(folder: Path, image: Path, kind: str | None) -> Path:
    """Return where the result of an image goes: under its name, with the extension of its format."""
    if kind is None or kind not in formats() or format_of_name(image.name) == kind:
        return folder / image
    return folder / image.with_suffix(formats()[kind].extensions[0])


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


def write_result(result: Result, path: Path, folder: Path | None = None, *, replace: bool = True) -> None:
    """Write a file as it came, in full or not at all; the folder is made where there is none.

    Parameters
    ----------
    folder
        Which a symbolic link must not lead out of; None where that is nobody's concern.
    replace
        Whether a file that is there, or was put there meanwhile, is replaced.

    Raises
    ------
    ImageWriteError
        It cannot be written.
    """
    data = file_of(result)
    try:
        if folder is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
            raise ImageWriteError(f"{path}: a symbolic link leads out of {folder}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) if replace else creating(path) as file:
            file.write(data)
    except FileExistsError:
        raise ImageWriteError(
            f"{path} exists: --overwrite replaces it, --resume leaves it as it is"
        ) from None
    except (OSError, ValueError) as error:
        raise ImageWriteError(f"{path}: cannot be written: {failure_of(error)}") from error


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
