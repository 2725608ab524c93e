"""AVIF's boxes: what they say of the image that Pillow does not tell.

Source: ISO/IEC 14496-12 (the boxes, edit lists) and 23008-12 (HEIF: items and their properties).
"""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, NamedTuple

from imgsvc.codec import xmp
from imgsvc.codec.source import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Properties", "Window", "exif_of", "plays", "properties_of", "xmp_of"]

MOST_BOXES, MOST_ITEMS = 2000, 2000
VERSION_AND_FLAGS = 4
LARGEST_READ = 256
CLAP = struct.Struct(">LLLLlLlL")
MOST_EXIF_BYTES = 1 << 20
MOST_PLAYS = (1 << 31) - 1
REPEATS = 1
"""A flag of an edit list."""


class Window(NamedTuple):
    """A part of an image, in pixels."""

    left: int
    top: int
    width: int
    height: int


class Properties(NamedTuple):
    """What the image that counts says of itself.

    Attributes
    ----------
    colours
        The code points of primaries and transfer.
    aperture
        What of it is to be shown, as it is written: a fraction each for width, height and their offsets.
    """

    colours: tuple[int, int] | None = None
    aperture: tuple[int, ...] | None = None

    def window(self, width: int, height: int) -> Window | None:
        """Return what is to be shown of an image of a size; None where that is all of it.

        Raises
        ------
        ValueError
            It is no part of it, or begins between pixels.
        """
        if self.aperture is None:
            return None
        sides = []
        for whole, (top, bottom, off_top, off_bottom) in (
            (width, (*self.aperture[:2], *self.aperture[4:6])),
            (height, (*self.aperture[2:4], *self.aperture[6:])),
        ):
            if not bottom or not off_bottom or top % bottom:
                raise ValueError("no number")
            side = top // bottom
            # In halves of a pixel: an offset is that of the middle.
            start, rest = divmod(2 * off_top, off_bottom)
            start += whole - side
            if rest or start % 2 or not 0 <= start // 2 <= whole - side or not side:
                raise ValueError("no part of it")
            sides.append((start // 2, side))
        (left, columns), (first, rows) = sides
        return Window(left, first, columns, rows)


def properties_of(data: bytes) -> Properties:
    """Return those of the primary item; of a file that does not say which, all that there are."""
    meta = _meta(data)
    if meta is None:
        return Properties()
    start, end = meta
    properties = _find(data, start, end, b"iprp")
    contents = properties and _find(data, *properties, b"ipco")
    if not properties or not contents:
        return Properties()
    boxes = list(_boxes(data, *contents))
    chosen = _of_primary(data, (start, end), properties)
    if chosen is not None:
        boxes = [boxes[index - 1] for index in chosen if 1 <= index <= len(boxes)]
    found = Properties()
    for kind, first, last in boxes:
        body = data[first : min(last, first + LARGEST_READ)]
        if kind == b"colr" and body[:4] == b"nclx" and len(body) >= 10 and found.colours is None:
            found = found._replace(colours=struct.unpack_from(">HH", body, 4))
        elif kind == b"clap" and len(body) >= CLAP.size and found.aperture is None:
            found = found._replace(aperture=CLAP.unpack_from(body))
    return found


def _of_primary(data: bytes, meta: tuple[int, int], properties: tuple[int, int]) -> list[int] | None:
    """Return the numbers of the primary item's properties, from 1; None where the file does not say."""
    primary, associations = _find(data, *meta, b"pitm"), _find(data, *properties, b"ipma")
    if primary is None or associations is None:
        return None
    try:
        form = ">H" if data[primary[0]] == 0 else ">L"
        (wanted,) = struct.unpack_from(form, data, primary[0] + VERSION_AND_FLAGS)
        return _associations(data, *associations, wanted)
    except (struct.error, IndexError):
        return None


def _associations(data: bytes, start: int, end: int, wanted: int) -> list[int] | None:
    """Return the numbers of an item's properties; None where there is no such item."""
    version, flags = data[start], data[start + 3]
    (count,) = struct.unpack_from(">L", data, start + VERSION_AND_FLAGS)
    item_form, wide = struct.Struct(">L" if version else ">H"), flags & 1
    position = start + 8
    for _ in range(_checked(count)):
        if position >= end:
            return None
        (item,) = item_form.unpack_from(data, position)
        number = data[position + item_form.size]
        position += item_form.size + 1
        if item == wanted:
            if wide:
                return [value & 0x7FFF for value in struct.unpack_from(f">{number}H", data, position)]
            return [value & 0x7F for value in data[position : position + number]]
        position += number << wide
    return None


def _checked(items: int) -> int:
    """Return how many items there are, of which each is looked at."""
    if items > MOST_ITEMS:
        raise DamageError(f"it has more than {MOST_ITEMS} items")
    return items


def exif_of(data: bytes) -> bytes | None:
    """Return the file's EXIF data; None of those that are not there, not in one piece, or not whole."""
    meta = _meta(data)
    item = meta and next((number for number, kind, _ in _items(data, *meta) if kind == b"Exif"), None)
    content = _content(data, meta, item, MOST_EXIF_BYTES) if meta and item else None
    if content is None or len(content) < VERSION_AND_FLAGS:
        return None
    (skipped,) = struct.unpack_from(">L", content)
    return content[4 + skipped :]


def xmp_of(data: bytes) -> bytes | None:
    """Return the file's XMP data; None without, and none of those that are too long or not in one piece."""
    meta = _meta(data)
    if meta is None:
        return None
    for item, kind, rest in _items(data, *meta):
        if kind == b"mime" and b"rdf+xml" in rest:
            return _content(data, meta, item, xmp.MOST_BYTES) or b""
    return None


def _content(data: bytes, meta: tuple[int, int], item: int, most: int) -> bytes | None:
    """Return the bytes of an item; None of one that is not there in one piece, or has more."""
    places = _find(data, *meta, b"iloc")
    if not places:
        return None
    try:
        found = next((place for number, *place in _places(data, *places) if number == item), None)
    except (struct.error, IndexError):
        return None
    if found is None:
        return None
    start, size = found
    content = data[start : start + min(size, most)]
    return content if len(content) == size else None


def _meta(data: bytes) -> tuple[int, int] | None:
    """Return where the boxes are that describe items."""
    meta = _find(data, 0, len(data), b"meta")
    return None if meta is None else (meta[0] + VERSION_AND_FLAGS, meta[1])


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the number and type of each item, and what else is said of it."""
    listed = _find(data, start, end, b"iinf")
    if listed is None or listed[0] >= len(data):
        return
    header = VERSION_AND_FLAGS + (2 if data[listed[0]] == 0 else 4)
    for kind, first, last in _boxes(data, listed[0] + header, listed[1]):
        body = data[first : min(last, first + LARGEST_READ)]
        if kind != b"infe" or len(body) < VERSION_AND_FLAGS + 10:
            continue
        width = 2 if body[0] == 2 else 4
        number = int.from_bytes(body[4 : 4 + width], "big")
        yield number, body[6 + width : 10 + width], body[10 + width :]


def _places(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield items that lie in the file in one piece, each with its begin and size."""
    version, sizes, more_sizes = data[start], data[start + 4], data[start + 5]
    offset_bytes, length_bytes, base_bytes = sizes >> 4, sizes & 15, more_sizes >> 4
    index_bytes = more_sizes & 15 if version else 0
    position = start + 6

    def number(width: int) -> int:
        nonlocal position
        position += width
        if position > end:
            raise IndexError
        return int.from_bytes(data[position - width : position], "big")

    id_bytes = 4 if version == 2 else 2
    for _ in range(_checked(number(id_bytes))):
        item = number(id_bytes)
        in_file = not number(2) & 15 if version else True
        number(2)  # which file
        base, extents = number(base_bytes), number(2)
        if extents != 1:  # in pieces, or nowhere
            position += extents * (index_bytes + offset_bytes + length_bytes)
            continue
        number(index_bytes)
        offset, length = number(offset_bytes), number(length_bytes)
        if in_file:
            yield item, base + offset, length


def plays(data: bytes) -> int:
    """Return how often a sequence is shown; 0 is for ever, which one that does not say is."""
    movie = _find(data, 0, len(data), b"moov")
    track = movie and _find(data, *movie, b"trak")
    header = track and _find(data, *track, b"tkhd")
    edits = track and _find(data, *track, b"edts")
    listed = edits and _find(data, *edits, b"elst")
    if not header or not listed:
        return 0
    try:
        if not data[listed[0] + 3] & REPEATS:
            return 1
        # After version, flags, two times and two numbers.
        whole = _number(data, header[0], (20, 28))
        (segment, _) = _number(data, listed[0], (8, 8))
    except (struct.error, IndexError):
        return 0
    duration, unbounded = whole
    if duration == unbounded or not segment:
        return 0
    return min(-(-duration // segment), MOST_PLAYS)


def _number(data: bytes, box: int, places: tuple[int, int]) -> tuple[int, int]:
    """Return a number of a box, of 32 bits in the first version and 64 in the next, and the largest such."""
    wide = data[box] == 1
    (value,) = struct.unpack_from(">Q" if wide else ">L", data, box + places[wide])
    return value, (1 << (64 if wide else 32)) - 1


def _find(data: bytes, start: int, end: int, kind: bytes) -> tuple[int, int] | None:
    """Return where the first box of a kind has its contents."""
    return next(((first, last) for name, first, last in _boxes(data, start, end) if name == kind), None)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the contents of the boxes in a part of a file."""
    for number in itertools.count():
        if start + 8 > end:
            return
        if number >= MOST_BOXES:
            raise DamageError(f"it has more than {MOST_BOXES} boxes")
        size, kind = struct.unpack_from(">L4s", data, start)
        header = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        stop = end if size == 0 else min(start + size, end)
        if size and size < header:
            return
        yield kind, start + header, stop
        start = stop
