"""AVIF: what Pillow's decoder says of it, and the boxes it does not tell of."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from imgsvc.codec import exif as exif_data
from imgsvc.codec.cicp import of_code_points
from imgsvc.codec.pillow import opened
from imgsvc.codec.source import PROFILE_BYTES, DamageError, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a file says of an item that holds EXIF data. Their orientation does not count (the format has boxes for
# it), and Pillow, which reads them, warns of damaged ones: they are hidden from it.
EXIF_ITEM = re.compile(rb"(infe[\x02\x03].{5,9})Exif", re.DOTALL)
PIXEL_DEPTHS = re.compile(rb"pixi\0\0\0\0[\x01-\x04]([\x09-\x10])", re.DOTALL)
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4, "LA": 4}
MOST_BOXES = 10_000
META_HEADER = 4


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:  # noqa: ARG001 - libavif takes whole ones
    """Let libavif look through the boxes; it decodes no pixels."""
    colours = _colours(data)
    plain, hidden = EXIF_ITEM.subn(rb"\1none", data)
    notes = ["EXIF data of AVIF are dropped"] if hidden else []
    if PIXEL_DEPTHS.search(data):
        notes.append("10 or 12 bits a channel are cut to 8")
    with opened("avif", plain) as image:
        turned = image.info.get("exif")
        icc = image.info.get("icc_profile")
        if icc and len(icc) > PROFILE_BYTES:
            icc = None
        if not icc and colours is not None:
            icc, note = of_code_points(*colours, gray=image.mode in {"L", "LA"})
            notes += [note] if note else []
        return Source(
            "avif",
            image.width,
            image.height,
            CHANNELS.get(image.mode, 3),
            plain if whole else b"",
            frames=min(getattr(image, "n_frames", 1), frames),
            orientation=exif_data.orientation(turned) if turned else 1,
            icc_profile=icc or None,
            notes=tuple(notes),
        )


def _colours(data: bytes) -> tuple[int, int] | None:
    """Return the code points of primaries and transfer, where the file has them."""
    start, end = 0, len(data)
    for kind, skipped in ((b"meta", META_HEADER), (b"iprp", 0), (b"ipco", 0)):
        found = next((box for box in _boxes(data, start, end) if box[0] == kind), None)
        if found is None:
            return None
        start, end = found[1] + skipped, found[2]
    for name, first, last in _boxes(data, start, end):
        if name == b"colr" and data[first : first + 4] == b"nclx" and last - first >= 10:
            primaries, transfer = struct.unpack_from(">HH", data, first + 4)
            return primaries, transfer
    return None


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of the contents of the boxes in a part of a file."""
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
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
    raise DamageError(f"it has more than {MOST_BOXES} boxes")
