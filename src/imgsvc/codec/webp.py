"""WebP: its chunks."""

from __future__ import annotations

import struct

from imgsvc.codec import exif as exif_data
from imgsvc.codec import xmp
from imgsvc.codec.source import PROFILE_BYTES, DamageError, Source, ends_early

MOST_CHUNKS = 100_000
FRAME_HEADER = 16
ALPHA, ANIMATED = 0x10, 0x02


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:
    """Look through the chunks, and count up to `frames` images; if `partial`, those that are whole."""
    if len(data) < 20:
        raise ends_early()
    if partial:
        data = _whole_chunks(data)
    (announced,) = struct.unpack_from("<L", data, 4)
    if whole and announced + 8 > len(data):
        raise ends_early()
    try:
        width, height, alpha, animated = _header(data)
    except (struct.error, IndexError):
        raise ends_early() from None
    first: dict[bytes, tuple[int, int]] = {}
    count, position = 0, 12
    for _ in range(MOST_CHUNKS):
        if position + 8 > min(len(data), announced + 8):
            break
        kind, size = struct.unpack_from("<4sL", data, position)
        count += kind == b"ANMF"
        first.setdefault(kind, (position + 8, size))
        position += 8 + size + size % 2
        if count >= frames:
            break
    else:
        raise DamageError(f"it has more than {MOST_CHUNKS} chunks")

    def content(kind: bytes, most: int = len(data)) -> bytes:
        start, size = first.get(kind, (0, 0))
        return data[start : start + size] if size <= most else b""

    exif = content(b"EXIF").removeprefix(exif_data.PREFIX)
    frame = first.get(b"ANMF", (0, 0))[0] + FRAME_HEADER
    is_lossless = b"VP8L" in first or data[frame : frame + 4] == b"VP8L"
    return Source(
        "webp",
        width,
        height,
        4 if alpha else 3,
        data if whole else b"",
        frames=max(count, 1) if animated else 1,
        orientation=exif_data.orientation(exif) if exif else 1,
        icc_profile=content(b"ICCP", PROFILE_BYTES) or None,
        exif=exif or None,
        loop=int.from_bytes(content(b"ANIM")[4:6], "little"),
        coding="lossless" if is_lossless else "",
        first_bytes=first.get(b"ANMF", (0, 0))[1],
        unkept=("XMP",) if b"XMP " in first else (),
        others=(("XMP", content(b"XMP ", xmp.MOST_BYTES)),) if b"XMP " in first else (),
    )


def _whole_chunks(data: bytes) -> bytes:
    """Return a file without its last chunk, where that ends too early."""
    position = 12
    for _ in range(MOST_CHUNKS):
        if position + 8 > len(data):
            break
        (size,) = struct.unpack_from("<L", data, position + 4)
        if position + 8 + size + size % 2 > len(data):
            break
        position += 8 + size + size % 2
    if position < 20:
        raise ends_early()
    return b"".join([data[:4], struct.pack("<L", position - 8), data[8:position]])


def _header(data: bytes) -> tuple[int, int, bool, bool]:
    """Return the size, whether there is alpha, and whether there may be several frames."""
    kind = data[12:16]
    if kind == b"VP8X":
        flags = data[20]
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        if len(data) < 30:
            raise IndexError
        return width, height, bool(flags & ALPHA), bool(flags & ANIMATED)
    if kind == b"VP8L":
        signature, bits = struct.unpack_from("<BL", data, 20)
        if signature != 0x2F:
            raise DamageError("its header is wrong")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1), False
    if kind == b"VP8 ":
        start, width, height = struct.unpack_from("<3sHH", data, 23)
        if start != b"\x9d\x01\x2a":
            raise DamageError("its header is wrong")
        return width & 0x3FFF, height & 0x3FFF, False, False
    raise DamageError("its first chunk is of no known kind")
