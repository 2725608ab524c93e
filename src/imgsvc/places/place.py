"""Place: files below one point, by names with ``/`` between their parts."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EXISTS", "Listing", "Place", "exists", "is_below"]

EXISTS = "--overwrite replaces it, --resume leaves it as it is"


@dataclasses.dataclass(frozen=True)
class Listing:
    """The files of a place.

    Attributes
    ----------
    images
        The names of images, in order.
    refused
        What can be no image of a batch, as its reader calls it, and why.
    others
        Files that are no images by their names.
    """

    images: tuple[str, ...]
    refused: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()


class Place(Protocol):
    """Files below one point. It pickles, and is used by many threads."""

    def shown(self, name: str) -> str:
        """Return what people call a file of it."""

    def holds(self, other: Place) -> str | None:
        """Return what names in `other` begin with in here: nothing if it is the same, None if elsewhere."""

    def listing(self, apart_from: str | None = None) -> Listing:
        """Return what is there, but for names that begin with `apart_from`.

        Raises
        ------
        ImageReadError
            There are no images, or they cannot be listed.
        """

    def existing(self, names: Iterable[str]) -> set[str]:
        """Return those of the names that are there.

        Raises
        ------
        ImageWriteError
            Nobody can say so.
        """

    def beginning(self, name: str, size: int) -> bytes:
        """Return the first bytes of a file, or none where there are none; who reads all of it says why."""

    def read(self, name: str) -> bytes:
        """Return a file.

        Raises
        ------
        ImageReadError
            It cannot be read, or is larger than a message can be.
        """

    def write(self, name: str, data: bytes | memoryview, *, replace: bool) -> None:
        """Write a file, in full or not at all.

        Parameters
        ----------
        replace
            Whether one that is there, or was put there meanwhile, is replaced.

        Raises
        ------
        ImageWriteError
            It cannot be written, or is there.
        """


def exists(shown: str) -> str:
    """Return what to say of an output that is there."""
    return f"{shown} exists: {EXISTS}"


def is_below(name: str, prefix: str | None) -> bool:
    """Return whether a name begins with what `Place.holds` has returned; none does with nothing."""
    return bool(prefix) and name.startswith(prefix or "")
