"""The orientation in EXIF data, read and reset in place: nothing else of it is looked at."""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
SUBDIRECTORIES = (0x8769, 0x8825)  # EXIF proper and GPS
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
    found = _find(exif)
    if not found:
        return exif
    at, _, form = found
    return exif[:at] + struct.pack(form, UPRIGHT) + exif[at + struct.calcsize(form) :]


def is_sound(exif: bytes) -> bool:
    """Return whether every value of the directories lies within the data."""
    body = exif.removeprefix(PREFIX)
    order = _byte_order(body)
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


def _byte_order(body: bytes) -> str | None:
    return {b"II*\0": "<", b"MM\0*": ">"}.get(body[:4])


def _find(exif: bytes) -> tuple[int, int, str] | None:
    """Return where the orientation is, what it is, and what `struct` calls such a number."""
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    order = _byte_order(exif[start : start + 4])
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
