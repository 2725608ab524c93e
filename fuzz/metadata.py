"""What files say of themselves beside pixels: EXIF, IPTC and XMP data, and the names of colour profiles."""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import TYPE_CHECKING

import numpy as np

from fuzz.target import Target
from imgsvc.codec import Decoded, camera_data, gps_position, iptc, profile_name, rights_of, xmp
from tests.codec import owned, profiles, secretive

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["METADATA"]

SEGMENT_BYTES = 65_000
"""What fits into one of a JPEG."""

PIXEL = np.zeros((1, 1), np.uint8)
MOST_TOLD = 16_384
"""Characters of all that is told: six texts of at most a thousand bytes, and some numbers."""


def check(data: bytes) -> None:
    """Read all of them, of any bytes."""
    gps = gps_position(data)
    told = [dataclasses.asdict(camera_data(data)), gps and dataclasses.asdict(gps)]
    text = json.dumps([*told, profile_name(data)], allow_nan=False, ensure_ascii=False)
    assert len(text) <= MOST_TOLD
    others = (("XMP", data), ("IPTC", data), ("IPTC", iptc.of_photoshop(data) or b""))
    rights = rights_of(Decoded((PIXEL,), exif=data, others=others))
    packet = rights.as_xmp() or b""
    assert len(packet) + len(rights.as_exif() or b"") <= SEGMENT_BYTES
    if packet:
        assert xmp.properties(packet, rights.properties).keys() == rights.properties.keys()


def exif_of(entries: Iterable[tuple[int, int, int, int]], missing: int) -> bytes:
    """Return EXIF data of one directory, and of some entries less than it says."""
    packed = [struct.pack("<HHLL", *entry) for entry in entries]
    return b"II*\0" + struct.pack("<LH", 8, len(packed) + missing) + b"".join(packed)


def seeds() -> Iterable[bytes]:
    """Yield EXIF data with all that there is, and with directories in themselves, and profiles."""
    yield secretive.exif().tobytes()
    yield secretive.exif().tobytes().removeprefix(b"Exif\0\0")
    yield exif_of([(0x8298, 2, 6, 64), (0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0x8769, 4, 1, 9)], missing=1)
    yield profiles.rgb(profiles.gamma(1.8))
    yield owned.packet()
    yield owned.IIM
    yield owned.PHOTOSHOP
    yield profiles.profile(b"RGB ", [(b"desc", profiles.in_languages("Écran", "Screen"))])


METADATA = Target("metadata", check, seeds)
