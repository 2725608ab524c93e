"""TIFF: its directories, made anew with nothing in them but what decoding needs."""

from __future__ import annotations

import dataclasses
import struct

from imgsvc.codec.source import PROFILE_BYTES, DamageError, Source, UnservedError, ends_early

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
# Of the types that are no rational and no float: their sizes and what `struct` calls them.
INTEGERS = {1: "B", 3: "H", 4: "L", 16: "Q"}
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
MOST_ENTRIES = 4096
MOST_VALUES = 1 << 20
MOST_SAMPLES = 6
GRAY, INVERTED, RGB, INDEXED = 1, 0, 2, 3
UINT, FLOAT = 1, 3


def read(data: bytes, frames: int, *, whole: bool) -> Source:
    """Look through the directories of up to `frames` pages."""
    layout = Layout.of(data)
    (position,) = layout.unpack(layout.word, data, layout.first)
    pages: list[dict[int, Entry]] = []
    seen: set[int] = set()
    while position and position not in seen and len(pages) < frames:
        seen.add(position)
        try:
            page, position = _directory(data, position, layout)
        except struct.error:
            if pages and not whole:
                break
            raise ends_early() from None
        pages.append(page)
    if not pages:
        raise DamageError("it has no pixels")
    first = pages[0]
    width, height = _value(first, WIDTH, layout), _value(first, HEIGHT, layout)
    if not width or not height:
        raise DamageError("it does not say its size")
    channels, bits, notes = _pixels(first, layout)
    orientation = _value(first, ORIENTATION, layout, 1)
    profile = first.get(PROFILE)
    icc = profile.content if profile and 0 < len(profile.content) <= PROFILE_BYTES else None
    return Source(
        "tiff",
        width,
        height,
        channels,
        _rewritten(data, pages, layout) if whole else b"",
        frames=len(pages),
        bits=bits,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        icc_profile=icc,
        notes=notes,
        largest_part=max(_part(page, layout) for page in pages),
    )


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


def _directory(data: bytes, position: int, layout: Layout) -> tuple[dict[int, Entry], int]:
    (count,) = layout.unpack("Q" if layout.big else "H", data, position)
    if count > MOST_ENTRIES:
        raise DamageError(f"a directory has more than {MOST_ENTRIES} entries")
    position += 8 if layout.big else 2
    size = 20 if layout.big else 12
    page: dict[int, Entry] = {}
    for at in range(position, position + count * size, size):
        tag, kind, values = layout.unpack(f"HH{layout.word}", data, at)
        if tag not in SINGLE and tag not in SEVERAL and tag not in {ORIENTATION, PROFILE}:
            continue
        length = SIZES.get(kind, 0) * values
        if not length or (tag in SINGLE and values != 1) or tag in page:
            continue
        if values > MOST_VALUES and tag != PROFILE:
            raise DamageError(f"its tag {tag} has more than {MOST_VALUES} values")
        start = at + (12 if layout.big else 8)
        if length > layout.inline:
            (start,) = layout.unpack(layout.word, data, start)
        content = data[start : start + length]
        if len(content) != length:
            if tag == PROFILE:
                continue
            raise ends_early()
        page[tag] = Entry(kind, values, content)
    (following,) = layout.unpack(layout.word, data, position + count * size)
    return page, following


def _values(page: dict[int, Entry], tag: int, layout: Layout) -> tuple[int, ...]:
    entry = page.get(tag)
    if entry is None or entry.kind not in INTEGERS:
        return ()
    return struct.unpack(f"{layout.order}{entry.count}{INTEGERS[entry.kind]}", entry.content)


def _value(page: dict[int, Entry], tag: int, layout: Layout, default: int = 0) -> int:
    values = _values(page, tag, layout)
    return values[0] if values else default


def _pixels(page: dict[int, Entry], layout: Layout) -> tuple[int, int, tuple[str, ...]]:
    """Return the channels, the bits, and what is lost of them."""
    photometric = _value(page, PHOTOMETRIC, layout)
    samples = _value(page, SAMPLES, layout, 1)
    bits = max(_values(page, BITS, layout) or (1,))
    number = max(_values(page, SAMPLE_FORMAT, layout) or (UINT,))
    if samples > MOST_SAMPLES:  # Pillow would log it
        raise DamageError(f"its pixels have {samples} samples")
    extra = _values(page, EXTRA_SAMPLES, layout)
    if photometric in {GRAY, INVERTED} and samples == 1:
        if number == FLOAT and bits == 32:
            return 1, 32, ()
        if number != UINT or bits > 16:
            kind = "floating" if number == FLOAT else "signed or wide integer"
            raise UnservedError(f"TIFF of {bits}-bit {kind} pixels")
        return 1, 16 if bits > 8 else 8, ()
    notes = ("16 bits a channel are cut to 8",) if bits > 8 else ()
    alpha = photometric in {GRAY, INVERTED, RGB, INDEXED} and any(kind in {1, 2} for kind in extra)
    return 4 if alpha else 3, 8, notes


def _part(page: dict[int, Entry], layout: Layout) -> int:
    """Return the pixels of what is decoded at a time."""
    tile = _value(page, TILE_WIDTH, layout) * _value(page, TILE_HEIGHT, layout)
    return max(tile, _value(page, WIDTH, layout) * _value(page, HEIGHT, layout))


def _rewritten(data: bytes, pages: list[dict[int, Entry]], layout: Layout) -> bytes:
    """Return the file with new directories at its end, and its offsets pointing to them."""
    pieces = [data, b"\0" * (-len(data) % 8)]
    position = len(data) + len(pieces[1])
    start = position
    for index, page in enumerate(pages):
        entries = sorted((tag, entry) for tag, entry in page.items() if tag in SINGLE or tag in SEVERAL)
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
