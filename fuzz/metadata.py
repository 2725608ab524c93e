"""What files say of themselves beside pixels: EXIF, IPTC and XMP data, and the names of colour profiles."""

from __future__ import annotations

import dataclasses
import json
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


def seeds() -> Iterable[bytes]:
    """Yield a photo's EXIF data with all that there is, and profiles of both versions."""
    yield secretive.exif().tobytes()
    yield secretive.exif().tobytes().removeprefix(b"Exif\0\0")
    yield profiles.rgb(profiles.gamma(1.8))
    yield owned.packet()
    yield owned.IIM
    yield owned.PHOTOSHOP
    yield profiles.profile(b"RGB ", [(b"desc", profiles.in_languages("Écran", "Screen"))])


METADATA = Target("metadata", check, seeds)
