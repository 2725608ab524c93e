"""IPTC data, and where Photoshop has them in a JPEG.

Source: IPTC-NAA Information Interchange Model 4.2, 1.5; Adobe Photoshop File Formats, "Image Resources".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from imgsvc.codec.texts import text_of

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["MOST_BYTES", "of_photoshop", "texts"]

MOST_BYTES = 1 << 16
"""Of IPTC data that are read."""

MOST_BLOCKS, MOST_DATASETS = 1000, 10_000
SIGNATURE, RESOURCE = b"8BIM", 0x0404
DATASET, APPLICATION = 0x1C, 2
EXTENDED = 0x8000
"""A length that says of how many bytes the length is that comes next."""

MOST_TEXTS = 64
"""Of a kind that are read."""


def of_photoshop(data: bytes) -> bytes | None:
    """Return the IPTC data in Photoshop's blocks; None without, and no bytes of damaged or long ones."""
    at = 0
    for _ in range(MOST_BLOCKS):
        if at >= len(data) or not data[at]:
            return None
        name_bytes = data[at + 6] if at + 6 < len(data) else 0
        size_at = at + 6 + 1 + name_bytes + (1 - name_bytes % 2)  # the name is padded with its length
        if data[at : at + 4] != SIGNATURE or size_at + 4 > len(data):
            return b""
        (number,) = struct.unpack_from(">H", data, at + 4)
        (size,) = struct.unpack_from(">L", data, size_at)
        start = size_at + 4
        if start + size > len(data):
            return b""
        if number == RESOURCE:
            return data[start : start + size] if size <= MOST_BYTES else b""
        at = start + size + size % 2
    return b""


def texts(data: bytes, numbers: Collection[int]) -> dict[int, list[str]]:
    """Return the texts of some datasets of the application record, by their numbers.

    Raises
    ------
    ValueError
        The data are damaged, or longer than `MOST_BYTES`.
    """
    if not 0 < len(data) <= MOST_BYTES:
        raise ValueError("too long, or none")
    found: dict[int, list[str]] = {}
    at = 0
    for _ in range(MOST_DATASETS):
        if at >= len(data) or not data[at]:
            return found
        if data[at] != DATASET or at + 5 > len(data):
            raise ValueError("no dataset")
        record, number, size = struct.unpack_from(">BBH", data, at + 1)
        at += 5
        if size & EXTENDED:
            width = size - EXTENDED
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        if at + size > len(data):
            raise ValueError("it ends too early")
        if record == APPLICATION and number in numbers:
            values = found.setdefault(number, [])
            if len(values) < MOST_TEXTS:
                values.append(text_of(data[at : at + size]))
        at += size
    raise ValueError("too many datasets")
