"""Folder: a place on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._files import creating, failure_of, replacing
from imgsvc.codec import is_image_name
from imgsvc.errors import ImageExistsError, ImageReadError, ImageWriteError
from imgsvc.places.place import Listing, exists
from imgsvc.processing.given import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgsvc.places.place import Place

__all__ = ["Folder", "find_images", "write_file"]


class Folder:
    """A folder, which is made where there is none when something is written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[type[Folder], tuple[Path]]:
        """Return what makes it in another process, which may be elsewhere."""
        return Folder, (self.path.absolute(),)

    def shown(self, name: str) -> str:
        """Return what people call a file of it."""
        return str(self.path / name)

    def holds(self, other: Place) -> str | None:
        """Return what names in `other` begin with, if that lies in here."""
        if not isinstance(other, Folder):
            return None
        here, there = self.path.resolve(), other.path.resolve()
        if here == there:
            return ""
        return f"{there.relative_to(here).as_posix()}/" if there.is_relative_to(here) else None

    def listing(self, apart_from: str | None = None) -> Listing:
        """Return what is there, but for names that begin with `apart_from`."""
        skipped = self.path / apart_from if apart_from else Path(os.devnull)
        images, unreadable, others = find_images(self.path, skipped)
        if not images:
            reason = unreadable[0][1] if unreadable else "no images in this folder"
            raise ImageReadError(f"{self.path}: {reason}")
        return Listing(
            tuple(path.as_posix() for path in images),
            tuple((str(path), reason) for path, reason in unreadable),
            tuple(path.as_posix() for path in others),
        )

    def existing(self, names: Iterable[str]) -> set[str]:
        """Return those of the names that are there."""
        return {name for name in names if os.path.exists(self.path / name)}  # noqa: PTH110 - False where a name is too long

    def beginning(self, name: str, size: int) -> bytes:
        """Return the first bytes of a file, or none."""
        try:
            with (self.path / name).open("rb") as file:
                return file.read(size)
        except (OSError, ValueError):
            return b""

    def read(self, name: str) -> bytes:
        """Return a file."""
        return read_file(self.path / name)

    def write(self, name: str, data: bytes | memoryview, *, replace: bool) -> None:
        """Write a file, in full or not at all."""
        write_file(self.path / name, data, self.path, replace=replace)


def find_images(
    folder: Path, apart_from: Path
) -> tuple[list[Path], tuple[tuple[Path, str], ...], list[Path]]:
    """Return the image files below `folder`, relative to it, folders that cannot be read, and other files.

    Neither what is hidden, nor what is no regular file, nor what lies below `apart_from`.
    """
    found = []
    unreadable: list[OSError] = []
    skipped = apart_from.resolve()
    for root, folders, files in os.walk(folder, onerror=unreadable.append):
        folders[:] = [
            name for name in folders if not name.startswith(".") and (Path(root) / name).resolve() != skipped
        ]
        found += [Path(root) / name for name in files if not name.startswith(".")]
    files_below = [path for path in found if path.is_file()]
    images = [path.relative_to(folder) for path in files_below if is_image_name(path)]
    others = [path.relative_to(folder) for path in files_below if not is_image_name(path)]
    failures = [(Path(error.filename), error.strerror or str(error)) for error in unreadable]
    return sorted(images), tuple(sorted(failures)), sorted(others)


def write_file(
    path: Path, data: bytes | memoryview, folder: Path | None = None, *, replace: bool = True
) -> None:
    """Write a file in full or not at all; the folder is made where there is none.

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
    try:
        if folder is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
            raise ImageWriteError(f"{path}: a symbolic link leads out of {folder}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) if replace else creating(path) as file:
            file.write(data)
    except FileExistsError as error:
        if os.path.lexists(path):
            raise ImageExistsError(exists(str(path))) from None
        raise ImageWriteError(f"{path}: cannot be written: a file is where its folder would be") from error
    except (OSError, ValueError) as error:
        raise ImageWriteError(f"{path}: cannot be written: {failure_of(error)}") from error
