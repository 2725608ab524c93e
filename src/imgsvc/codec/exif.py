"""EXIF data: the orientation, and what is no longer true of other pixels, changed in place; and new data.

Source: CIPA DC-008 (Exif 2.32), 4.6.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ORIENTATION = 0x0112
SUBDIRECTORIES = (0x8769, 0x8825)  # EXIF proper and GPS
ENTRY_BYTES = 12
IMAGE_WIDTH, IMAGE_HEIGHT, EXIF_DIRECTORY, PIXEL_WIDTH, PIXEL_HEIGHT = 0x100, 0x101, 0x8769, 0xA002, 0xA003
THUMBNAIL, THUMBNAIL_BYTES = 0x201, 0x202
ASCII, SHORT, LONG, RATIONAL = 2, 3, 4, 5
DESCRIPTION, MAKE, MODEL, X_RESOLUTION, Y_RESOLUTION, UNIT = 0x10E, 0x10F, 0x110, 0x11A, 0x11B, 0x128
SOFTWARE, TIME, ARTIST, COPYRIGHT = 0x131, 0x132, 0x13B, 0x8298
INCHES = 2
INTEGERS = {1: "B", 3: "H", 4: "L", 6: "b", 8: "h", 9: "l"}
UPRIGHT = 1
ORIENTATIONS = range(1, 9)
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
PREFIX = b"Exif\0\0"


def orientation(exif: bytes) -> int:
    """Return the orientation from 1 to 8 in EXIF data (with or without their ``Exif`` prefix); 1 without."""
    found = _find(exif)
    return found[1] if found else UPRIGHT


def upright(exif: bytes) -> bytes:
    """Return EXIF data with their orientation set to 1."""
    return turned_as(exif, UPRIGHT)


def turned_as(exif: bytes, orientation: int) -> bytes:
    """Return EXIF data with another orientation, if they have one."""
    found = _find(exif)
    if not found:
        return exif
    at, _, form = found
    return exif[:at] + struct.pack(form, orientation) + exif[at + struct.calcsize(form) :]


def made(order: str, values: Mapping[int, tuple[int, int, bytes]]) -> bytes | None:
    """Return EXIF data of one directory; None of no values.

    Parameters
    ----------
    order
        Of bytes, as `struct` has it.
    values
        By tag: type, count, and bytes in that order.
    """
    if not values:
        return None
    start = 8 + 2 + ENTRY_BYTES * len(values) + 4
    entries, contents = struct.pack(f"{order}H", len(values)), b""
    for tag, (kind, count, content) in sorted(values.items()):
        entries += struct.pack(f"{order}HHL", tag, kind, count)
        if len(content) <= 4:
            entries += content.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}L", start + len(contents))
            contents += content + b"\0" * (len(content) % 2)
    return (
        struct.pack(f"{order}2sHL", b"II" if order == "<" else b"MM", 42, 8) + entries + bytes(4) + contents
    )


def text(value: str) -> tuple[int, int, bytes]:
    """Return a text as a value of `made`."""
    content = value.encode("utf-8", "replace").replace(b"\0", b" ") + b"\0"
    return ASCII, len(content), content


def of_pixels(exif: bytes, width: int, height: int) -> bytes:
    """Return EXIF data for pixels that are new: with their size, and without the picture of the old ones."""
    data = bytearray(exif)
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    order = byte_order(exif[start : start + 4])
    if order is None:
        return exif
    sizes = {IMAGE_WIDTH: width, IMAGE_HEIGHT: height, PIXEL_WIDTH: width, PIXEL_HEIGHT: height}
    try:
        (first,) = struct.unpack_from(f"{order}L", data, start + 4)
        inner, following = None, 0
        for at, tag, kind, value in entries(data, start + first, order):
            if tag in sizes:
                _set(data, at, kind, sizes[tag], order)
            elif tag == EXIF_DIRECTORY:
                inner = value
            following = at + ENTRY_BYTES
        if inner is not None:
            for at, tag, kind, _ in entries(data, start + inner, order):
                if tag in sizes:
                    _set(data, at, kind, sizes[tag], order)
        if following:
            (thumbnail,) = struct.unpack_from(f"{order}L", data, following)
            struct.pack_into(f"{order}L", data, following, 0)
            if thumbnail:
                _wipe(data, start, thumbnail, order)
    except struct.error:
        pass
    return bytes(data)


def entries(data: bytes | bytearray, directory: int, order: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield where each entry of a directory is, its tag, its type, and its value if that is one LONG."""
    (count,) = struct.unpack_from(f"{order}H", data, directory)
    for at in range(directory + 2, directory + 2 + ENTRY_BYTES * count, ENTRY_BYTES):
        tag, kind, _, value = struct.unpack_from(f"{order}HHLL", data, at)
        yield at, tag, kind, value


def _set(data: bytearray, at: int, kind: int, value: int, order: str) -> None:
    if kind in {SHORT, LONG}:
        form = order + INTEGERS[kind]
        struct.pack_into(form, data, at + 8, min(value, (1 << 8 * struct.calcsize(form)) - 1))


def _wipe(data: bytearray, start: int, directory: int, order: str) -> None:
    """Make zeros of a directory, of what its entries point to, and of the picture that it describes."""
    places = []
    found = dict.fromkeys((THUMBNAIL, THUMBNAIL_BYTES), 0)
    for at, tag, kind, value in entries(data, start + directory, order):
        (count,) = struct.unpack_from(f"{order}L", data, at + 4)
        size = SIZES.get(kind, 0) * count
        if size > 4:
            places.append((start + value, size))
        if tag in found:
            found[tag] = value
        places.append((at, ENTRY_BYTES))
    places.append((start + found[THUMBNAIL], found[THUMBNAIL_BYTES]))
    places.append((start + directory, 2))
    for place, size in places:
        end = min(place + size, len(data))
        if place < end:
            data[place:end] = bytes(end - place)


def is_sound(exif: bytes) -> bool:
    """Return whether every value of the directories lies within the data."""
    body = exif.removeprefix(PREFIX)
    order = byte_order(body)
    if order is None:
        return False
    try:
        (first,) = struct.unpack_from(f"{order}L", body, 4)
        directories = [first]
        for directory in directories[:3]:
            (count,) = struct.unpack_from(f"{order}H", body, directory)
            struct.unpack_from(f"{order}L", body, directory + 2 + 12 * count)  # where the next one is
            for entry in range(directory + 2, directory + 2 + 12 * count, 12):
                tag, kind, values, offset = struct.unpack_from(f"{order}HHLL", body, entry)
                size = SIZES.get(kind, 0) * values
                if size > 4 and offset + size > len(body):
                    return False
                if tag in SUBDIRECTORIES:
                    directories.append(offset)
    except struct.error:
        return False
    return True


def byte_order(body: bytes) -> str | None:
    """Return how `struct` calls the order of bytes of EXIF data without their prefix; None of others."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(body[:4])


def _find(exif: bytes) -> tuple[int, int, str] | None:
    """Return where the orientation is, what it is, and what `struct` calls such a number."""
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    order = byte_order(exif[start : start + 4])
    if order is None:
        return None
    try:
        (first,) = struct.unpack_from(f"{order}L", exif, start + 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start + first)
        for entry in range(start + first + 2, start + first + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", exif, entry)
            if tag == ORIENTATION and kind in INTEGERS:
                form = order + INTEGERS[kind]
                (value,) = struct.unpack_from(form, exif, entry + 8)
                return (entry + 8, value, form) if value in ORIENTATIONS else None
    except struct.error:
        pass
    return None
