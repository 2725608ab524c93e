"""Places from what a command line calls them."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc.errors import ImageReadError
from imgsvc.places.folder import Folder
from imgsvc.places.place import Listing, is_below

if TYPE_CHECKING:
    from imgsvc.places.place import Place

__all__ = ["listed", "opened"]

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def opened(text: str) -> Place:
    """Return the folder or the store that a text stands for: a path, or a URL such as ``s3://bucket/photos``.

    Raises
    ------
    ConfigurationError
        It is a URL that nothing here opens.
    """
    if URL.match(text):
        from imgsvc.places.store import Store  # noqa: PLC0415 - fsspec is an extra

        return Store(text)
    return Folder(Path(text))


def listed(text: str, target: Place) -> tuple[Place, Listing]:
    """Return a place and its images, but for those below `target`; `text` may also be a pattern of files.

    Raises
    ------
    ConfigurationError
        It is a URL that nothing here opens.
    ImageReadError
        There are no images.
    """
    if URL.match(text):
        from imgsvc.places.store import Store  # noqa: PLC0415 - fsspec is an extra

        base, pattern = _without_pattern(text)
        store = Store(base)
        apart_from = store.holds(target)
        return store, store.matching(pattern, apart_from) if pattern else store.listing(apart_from)
    if os.path.isdir(text) or not glob.has_magic(text):  # noqa: PTH112 - answers False for what it may not see
        folder = Folder(Path(text))
        return folder, folder.listing(folder.holds(target))
    # Path has no pattern that is absolute.
    files = [path for path in map(Path, sorted(glob.glob(text, recursive=True))) if path.is_file()]  # noqa: PTH207
    if not files:
        raise ImageReadError(f"{text}: no file is like this")
    top = Path(os.path.commonpath([path.parent for path in files]))
    apart_from = Folder(top).holds(target)
    names = (path.relative_to(top).as_posix() for path in files)
    return Folder(top), Listing(tuple(name for name in names if not is_below(name, apart_from)))


def _without_pattern(url: str) -> tuple[str, str]:
    """Return the part of a URL before its first part that is a pattern, and the rest."""
    parts = url.split("/")
    first = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return "/".join(parts[:first]), "/".join(parts[first:])
