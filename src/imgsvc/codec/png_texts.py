"""What is written in a PNG: a few of its texts, and its resolution, are what EXIF data have too."""

from __future__ import annotations

import struct
import zlib

from imgsvc.codec import exif as exif_data
from imgsvc.codec import xmp

__all__ = ["INTERNATIONAL", "TEXTS", "XMP", "Texts"]

LATIN, PACKED, INTERNATIONAL = b"tEXt", b"zTXt", b"iTXt"
TEXTS = {LATIN, PACKED, INTERNATIONAL}
XMP = b"XML:com.adobe.xmp"
TAGS = {
    b"Author": exif_data.ARTIST, b"Copyright": exif_data.COPYRIGHT, b"Description": exif_data.DESCRIPTION,
    b"Software": exif_data.SOFTWARE,
}  # fmt: skip
MOST_BYTES = 1 << 13
METRES = 1
INCHES_PER_METRE = 10_000, 254


class Texts:
    """Texts as they are found."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int, bytes]] = {}
        self._unkept: list[str] = []
        self._xmp: bytes | None = None

    def take(self, kind: bytes, body: memoryview) -> None:
        """Look at one."""
        keyword, _, rest = bytes(body[:MOST_BYTES]).partition(b"\0")
        text = None
        if kind == LATIN:
            text = rest.decode("latin-1")
        elif kind == INTERNATIONAL and rest[:1] == b"\0" and keyword != XMP:  # not packed
            text = rest[2:].split(b"\0", 2)[-1].decode("utf-8", "replace")
        tag = TAGS.get(keyword)
        if tag is not None and text and len(body) < MOST_BYTES:
            self._known.setdefault(tag, exif_data.text(text))
            return
        if kind == INTERNATIONAL and keyword == XMP and self._xmp is None:
            self._xmp = _packet(bytes(body[len(XMP) + 1 : len(XMP) + 1 + 2 * xmp.MOST_BYTES]))
        name = "XMP" if keyword == XMP else "text"
        if name not in self._unkept:
            self._unkept.append(name)

    def as_exif(
        self, resolution: bytes | None, *, replaced: bool
    ) -> tuple[bytes | None, tuple[str, ...], tuple[tuple[str, bytes], ...]]:
        """Return EXIF data of them, what has no place there, and what may say something of rights.

        The first are none where the file has EXIF data, and theirs are among the last.
        """
        others = [] if self._xmp is None else [("XMP", self._xmp)]
        said = exif_data.made(">", self._known)
        if replaced:
            more = ["text"] if said and "text" not in self._unkept else []
            return None, (*self._unkept, *more), (*others, *([("EXIF", said)] if said else []))
        known = dict(self._known)
        if resolution is not None and len(resolution) == 9 and resolution[8] == METRES:
            times, over = INCHES_PER_METRE
            tags = exif_data.X_RESOLUTION, exif_data.Y_RESOLUTION
            for tag, number in zip(tags, struct.unpack_from(">LL", resolution), strict=True):
                per_inch = round(number * over / times * 100)
                known[tag] = exif_data.RATIONAL, 1, struct.pack(">LL", min(per_inch, (1 << 32) - 1), 100)
            known[exif_data.UNIT] = exif_data.SHORT, 1, struct.pack(">H", exif_data.INCHES)
        return exif_data.made(">", known), tuple(self._unkept), tuple(others)


def _packet(rest: bytes) -> bytes:
    """Return the text of a chunk, behind its keyword; none of one that is damaged or too long."""
    packed, parts = rest[:1] == b"\1", rest[2:].split(b"\0", 2)
    content = parts[-1] if len(parts) == 3 else b""
    if packed:
        unpacker = zlib.decompressobj()
        try:
            content = unpacker.decompress(content, xmp.MOST_BYTES)
        except zlib.error:
            return b""
        content = content if unpacker.eof else b""
    return content if len(content) <= xmp.MOST_BYTES else b""
