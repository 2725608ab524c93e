"""AVIF: what Pillow's decoder says of it."""

from __future__ import annotations

import re

from imgsvc.codec import exif as exif_data
from imgsvc.codec.pillow import opened
from imgsvc.codec.source import PROFILE_BYTES, Source

# What a file says of an item that holds EXIF data. Their orientation does not count (the format has boxes for
# it), and Pillow, which reads them, warns of damaged ones: they are hidden from it.
EXIF_ITEM = re.compile(rb"(infe[\x02\x03].{5,9})Exif", re.DOTALL)
PIXEL_DEPTHS = re.compile(rb"pixi\0\0\0\0[\x01-\x04]([\x09-\x10])", re.DOTALL)
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4, "LA": 4}


def read(data: bytes, frames: int, *, whole: bool) -> Source:
    """Let libavif look through the boxes; it decodes no pixels."""
    plain, hidden = EXIF_ITEM.subn(rb"\1none", data)
    notes = ["EXIF data of AVIF are dropped"] if hidden else []
    if PIXEL_DEPTHS.search(data):
        notes.append("10 or 12 bits a channel are cut to 8")
    with opened("avif", plain) as image:
        turned = image.info.get("exif")
        icc = image.info.get("icc_profile")
        return Source(
            "avif",
            image.width,
            image.height,
            CHANNELS.get(image.mode, 3),
            plain if whole else b"",
            frames=min(getattr(image, "n_frames", 1), frames),
            orientation=exif_data.orientation(turned) if turned else 1,
            icc_profile=icc if icc and len(icc) <= PROFILE_BYTES else None,
            notes=tuple(notes),
        )
