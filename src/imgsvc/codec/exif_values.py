"""What EXIF data say, by a list of what is wanted: texts and numbers, which are checked, and nothing else.

Source: CIPA DC-008 (Exif 2.32), 4.6.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from typing import TYPE_CHECKING

from imgsvc.codec.exif import (
    ARTIST,
    ASCII,
    COPYRIGHT,
    ENTRY_BYTES,
    INTEGERS,
    PREFIX,
    SIZES,
    SUBDIRECTORIES,
    TIME,
    byte_order,
    entries,
)
from imgsvc.codec.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Value", "values"]

Value = str | tuple[int | tuple[int, int], ...]
"""A text, or integers, of which fractions are two."""

FRACTIONS = {5: "LL", 10: "ll"}
INLINE = 4
"""Bytes of a value that are in the entry itself."""

MOST_TEXT = 1000
"""Bytes of a text that are read where nobody says how many."""

MOST_NUMBERS = 8
"""Of a value that are read."""

HEADER_BYTES = 8
MOST_DIRECTORIES, MOST_ENTRIES = 8, 4096
"""Of those that a text must not reach into; of more, no text is read."""

ALIKE = ({ARTIST, COPYRIGHT}, {TIME, 0x9003, 0x9004})
"""Of whose image it is, and the times at which it was changed, taken and made digital."""


def values(
    exif: bytes, path: Sequence[int], tags: Collection[int], most: int = MOST_TEXT
) -> dict[int, Value]:
    """Return what some tags of a directory say; what is damaged counts as not there.

    A text that reaches into something else is damaged: its length or its place is wrong, and it would tell
    what nobody has asked for.

    Parameters
    ----------
    exif
        With or without their prefix.
    path
        The tags that lead from the first directory to the one that is meant.
    tags
        Those that are wanted.
    most
        Bytes of a text that are read.
    """
    data = exif.removeprefix(PREFIX)
    order = byte_order(data)
    if order is None:
        return {}
    read = _Values(data, order)
    found: dict[int, Value] = {}
    try:
        (directory,) = struct.unpack_from(f"{order}L", data, 4)
        for step in path:
            inner = [value for _, tag, _, value in entries(data, directory, order) if tag == step]
            if not inner:
                return {}
            directory = inner[0]
        for at, tag, kind, _ in entries(data, directory, order):
            if tag in tags and tag not in found:
                value = read.text(at, tag, most) if kind == ASCII else read.numbers(at, kind)
                if value is not None:
                    found[tag] = value
    except struct.error:
        pass
    return found


@dataclasses.dataclass(frozen=True)
class _Values:
    """The values of entries, by where these are; None of one that is damaged."""

    data: bytes
    order: str

    def text(self, at: int, tag: int, most: int) -> str | None:
        """Return a text; of a copyright those of photographer and editor, each of which has its end."""
        place = self._place(at, ASCII)
        if place is None or self._reaches_into_others(at, tag, place):
            return None
        start, end = place
        parts = self.data[start : min(end, start + most)].split(b"\0")
        if tag != COPYRIGHT or any(map(bytes.strip, parts[2:])):
            parts = parts[:1]
        texts = [text_of(part, is_cut=end - start > most) for part in parts]
        return "; ".join(" ".join(text.split()) for text in texts if text.strip())

    def numbers(self, at: int, kind: int) -> Value | None:
        """Return the first numbers; None of a type that is not read."""
        form, place = INTEGERS.get(kind) or FRACTIONS.get(kind), self._place(at, kind)
        if form is None or place is None:
            return None
        start, end = place
        starts = range(start, end, SIZES[kind])[:MOST_NUMBERS]
        numbers = [struct.unpack_from(self.order + form, self.data, start) for start in starts]
        return tuple(each if kind in FRACTIONS else each[0] for each in numbers)

    def _place(self, at: int, kind: int) -> tuple[int, int] | None:
        """Return where the value of an entry begins and ends; None where some of it is missing."""
        count, offset = struct.unpack_from(f"{self.order}LL", self.data, at + 4)
        size = SIZES.get(kind, 0) * count
        start = at + 8 if size <= INLINE else offset
        return (start, start + size) if 0 < size <= len(self.data) - start else None

    def _reaches_into_others(self, at: int, tag: int, place: tuple[int, int]) -> bool:
        start, end = place
        if end - start <= INLINE:
            return False
        return self._places is None or any(
            first < end and start < last and not ((first, last) == place and _may_share(tag, other_tag))
            for other, (first, last, other_tag) in self._places.items()
            if other != at
        )

    @functools.cached_property
    def _places(self) -> dict[int, tuple[int, int, int]] | None:
        """Where the header, directories and their values begin and end, and of which tag these are.

        By where the directory or the entry is; None where there are more than anybody writes.
        """
        places: dict[int, tuple[int, int, int]] = {0: (0, HEADER_BYTES, 0)}
        directories = list(struct.unpack_from(f"{self.order}L", self.data, 4))
        number = 0
        for directory in directories:  # which grows meanwhile, up to a number
            end, following = directory + 2, [0]
            try:
                for at, tag, kind, value in entries(self.data, directory, self.order):
                    number += 1
                    if number > MOST_ENTRIES:
                        return None
                    place = self._place(at, kind)
                    if place is not None and place[1] - place[0] > INLINE:
                        places[at] = *place, tag
                    if tag in SUBDIRECTORIES:
                        following.append(value)
                    end = at + ENTRY_BYTES
                following[:1] = struct.unpack_from(f"{self.order}L", self.data, end)
            except struct.error:
                pass
            places[directory] = directory, end, 0
            directories += [each for each in dict.fromkeys(following) if each and each not in directories]
            del directories[MOST_DIRECTORIES:]
        return places


def _may_share(one: int, other: int) -> bool:
    """Return whether two texts may well be one, which some write once."""
    return any(one in tags and other in tags for tags in ALIKE)
