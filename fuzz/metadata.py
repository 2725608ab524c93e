"""What files say of themselves beside pixels: EXIF data, and the names of colour profiles."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from fuzz.target import Target
from imgsvc.codec import camera_data, place, profile_name
from tests.codec import profiles, secretive

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["METADATA"]

MOST_TOLD = 16_384
"""Characters of all that is told: six texts of at most a thousand bytes, and some numbers."""


def check(data: bytes) -> None:
    """Read both, of any bytes."""
    told = [dataclasses.asdict(camera_data(data)), place(data) and dataclasses.asdict(place(data))]
    text = json.dumps([*told, profile_name(data)], allow_nan=False, ensure_ascii=False)
    assert len(text) <= MOST_TOLD


def seeds() -> Iterable[bytes]:
    """Yield a photo's EXIF data with all that there is, and profiles of both versions."""
    yield secretive.exif().tobytes()
    yield secretive.exif().tobytes().removeprefix(b"Exif\0\0")
    yield profiles.rgb(profiles.gamma(1.8))
    yield profiles.profile(b"RGB ", [(b"desc", profiles.in_languages("Écran", "Screen"))])


METADATA = Target("metadata", check, seeds)
