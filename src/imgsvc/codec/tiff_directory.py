"""TIFF's directories: read within what the file's bytes can be, and written anew."""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING

from imgsvc.codec import iptc, xmp
from imgsvc.codec.source import DamageError, ends_early

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["LONG", "SHORT", "Entry", "Layout", "Page", "rewritten", "walk"]

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANES = 273, 274, 277, 278, 279, 284
PREDICTOR, PALETTE, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 317, 320, 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, PROFILE = 338, 339, 34675
SINGLE = {
    WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, ROWS_PER_STRIP, PLANES, PREDICTOR,
    TILE_WIDTH, TILE_HEIGHT, 292, 293,
}  # fmt: skip
SEVERAL = {
    BITS, STRIP_OFFSETS, STRIP_BYTES, PALETTE, TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT,
    347, 529, 530, 531, 532,
}  # fmt: skip
XMP, IPTC, CAMERA, PLACE = 700, 33723, 34665, 34853
DESCRIBING = {270, 271, 272, 282, 283, 296, 305, 306, 315, 33432}
"""Tags that EXIF data have of TIFF."""

MOST_DESCRIBING_BYTES = 1 << 13
SHORT, LONG = 3, 4
INTEGERS = {1: "B", SHORT: "H", LONG: "L", 16: "Q"}
"""Of the types that are no rational and no float, what `struct` calls them."""

OTHERS = {XMP, IPTC, CAMERA, PLACE}
MOST_OTHER_BYTES = {XMP: xmp.MOST_BYTES, IPTC: iptc.MOST_BYTES}
KNOWN = SINGLE | SEVERAL | DESCRIBING | OTHERS | {ORIENTATION, PROFILE}
SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}  # fmt: skip
MOST_ENTRIES = 4096
MOST_VALUES = 1 << 20
SHARED_BYTES = 1 << 20
"""Directories, and strips, may share their bytes a little, as some writers have them."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A value of a directory."""

    kind: int
    count: int
    content: bytes


@dataclasses.dataclass(frozen=True)
class Layout:
    """The byte order and the width of offsets."""

    order: str
    big: bool

    @classmethod
    def of(cls, data: bytes) -> Layout:
        """Return the layout that the first bytes tell."""
        layout = cls("<" if data[:2] == b"II" else ">", data[2:4] in {b"\x2b\0", b"\0\x2b"})
        if len(data) < layout.first + layout.inline:
            raise ends_early()
        return layout

    @property
    def word(self) -> str:
        """What `struct` calls an offset."""
        return "Q" if self.big else "L"

    @property
    def inline(self) -> int:
        """How many bytes an offset has, and so a value that needs none."""
        return 8 if self.big else 4

    @property
    def first(self) -> int:
        """Where the offset of the first directory is."""
        return 8 if self.big else 4

    def unpack(self, what: str, data: bytes, position: int) -> tuple[int, ...]:
        """Read numbers."""
        if position > len(data):
            raise struct.error
        return struct.unpack_from(self.order + what, data, position)


@dataclasses.dataclass(frozen=True)
class Page:
    """One directory: what decoding needs of it."""

    entries: Mapping[int, Entry]
    layout: Layout

    def values(self, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag; none where it has others, or is not there."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in INTEGERS:
            return ()
        return struct.unpack(f"{self.layout.order}{entry.count}{INTEGERS[entry.kind]}", entry.content)

    def value(self, tag: int, default: int = 0) -> int:
        """Return the first of them."""
        return next(iter(self.values(tag)), default)

    def replaced(self, *numbers: tuple[int, int, Sequence[int]], without: Sequence[int] = ()) -> Page:
        """Return a page with other integers, each a tag, a type and numbers, and without some tags."""
        entries = {tag: entry for tag, entry in self.entries.items() if tag not in without}
        for tag, kind, values in numbers:
            form = f"{self.layout.order}{len(values)}{INTEGERS[kind]}"
            entries[tag] = Entry(kind, len(values), struct.pack(form, *values))
        return Page(entries, self.layout)


class _Room:
    """How many bytes directories may still be read of a file, in which each byte is there once."""

    def __init__(self, num_bytes: int) -> None:
        self._left = 2 * num_bytes + SHARED_BYTES

    def take(self, num_bytes: int) -> None:
        """Read so many."""
        self._left -= num_bytes
        if self._left < 0:
            raise DamageError("its directories share their bytes")


def walk(data: bytes) -> Iterator[Page]:
    """Yield the pages; raises `struct.error` where the file ends before one does."""
    layout = Layout.of(data)
    (position,) = layout.unpack(layout.word, data, layout.first)
    seen: set[int] = set()
    room = _Room(len(data))
    while position and position not in seen:
        page, following = _directory(data, position, layout, room, is_first=not seen)
        seen.add(position)
        position = following
        yield page


def _directory(
    data: bytes, position: int, layout: Layout, room: _Room, *, is_first: bool
) -> tuple[Page, int]:
    (count,) = layout.unpack("Q" if layout.big else "H", data, position)
    if count > MOST_ENTRIES:
        raise DamageError(f"a directory has more than {MOST_ENTRIES} entries")
    position += 8 if layout.big else 2
    size = 20 if layout.big else 12
    room.take(count * size)
    entries: dict[int, Entry] = {}
    for at in range(position, position + count * size, size):
        tag, kind, values = layout.unpack(f"HH{layout.word}", data, at)
        if tag not in KNOWN:
            continue
        length = SIZES.get(kind, 0) * values
        if not length or (tag in SINGLE and values != 1) or tag in entries:
            continue
        if tag in OTHERS or (tag in DESCRIBING and length > MOST_DESCRIBING_BYTES):
            # That it is there is what is told, and of the first page what it may say of rights.
            most = MOST_OTHER_BYTES.get(tag, 0) if is_first else 0
            entries[tag] = Entry(kind, values, _other(data, at, length, layout) if length <= most else b"")
            continue
        if values > MOST_VALUES and tag != PROFILE:
            raise DamageError(f"its tag {tag} has more than {MOST_VALUES} values")
        start = at + (12 if layout.big else 8)
        if length > layout.inline:
            (start,) = layout.unpack(layout.word, data, start)
        room.take(length)
        content = data[start : start + length]
        if len(content) != length:
            if tag == PROFILE or tag in DESCRIBING:
                continue
            raise ends_early()
        entries[tag] = Entry(kind, values, content)
    (following,) = layout.unpack(layout.word, data, position + count * size)
    return Page(entries, layout), following


def _other(data: bytes, at: int, length: int, layout: Layout) -> bytes:
    """Return a value that is not needed, of an entry; none where it is not whole."""
    start = at + (12 if layout.big else 8)
    if length > layout.inline:
        (start,) = layout.unpack(layout.word, data, start)
    content = data[start : start + length]
    return content if len(content) == length else b""


def rewritten(data: bytes, pages: Sequence[Page], layout: Layout, *, others: Collection[int] = ()) -> bytes:
    """Return the file with new directories at its end, and its offsets pointing to them.

    They have what decoding needs, and the `others` of their tags.
    """
    pieces = [data, b"\0" * (-len(data) % 8)]
    position = len(data) + len(pieces[1])
    start = position
    for index, page in enumerate(pages):
        entries = sorted(
            (tag, entry)
            for tag, entry in page.entries.items()
            if tag in SINGLE or tag in SEVERAL or tag in others
        )
        size = len(entries) * (20 if layout.big else 12) + (16 if layout.big else 6)
        contents = position + size
        directory = [struct.pack(layout.order + ("Q" if layout.big else "H"), len(entries))]
        stored = []
        for tag, entry in entries:
            directory.append(struct.pack(f"{layout.order}HH{layout.word}", tag, entry.kind, entry.count))
            if len(entry.content) <= layout.inline:
                directory.append(entry.content.ljust(layout.inline, b"\0"))
            else:
                directory.append(struct.pack(layout.order + layout.word, contents))
                padded = entry.content + b"\0" * (-len(entry.content) % 8)
                stored.append(padded)
                contents += len(padded)
        following = contents + -contents % 8 if index + 1 < len(pages) else 0
        directory.append(struct.pack(layout.order + layout.word, following))
        stored.append(b"\0" * (-contents % 8))
        pieces += [*directory, *stored]
        position = contents + -contents % 8
    if not layout.big and position >= 1 << 32:
        raise DamageError("it is too long for its offsets")
    pieces[0] = (
        data[: layout.first]
        + struct.pack(layout.order + layout.word, start)
        + data[layout.first + layout.inline :]
    )
    return b"".join(pieces)
