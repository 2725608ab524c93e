"""PNG: its chunks, and a fast way to write it."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from imgsvc.codec import exif as exif_data
from imgsvc.codec.pillow import opened
from imgsvc.codec.source import PROFILE_BYTES, DamageError, Source, ends_early

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MAGIC = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 100_000
LONGEST = (1 << 31) - 1
STILL = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
MOVING = STILL | {b"acTL", b"fcTL", b"fdAT"}
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
COLOURS = {RGB, RGBA}
DEPTHS = {GRAY: {1, 2, 4, 8, 16}, RGB: {8, 16}, PALETTE: {1, 2, 4, 8}, GRAY_ALPHA: {8, 16}, RGBA: {8, 16}}
KINDS = {1: GRAY, 3: RGB, 4: RGBA}
UP = 2


def read(data: bytes, frames: int, *, whole: bool) -> Source:  # noqa: PLR0912 - a kind of chunk each
    """Look through the chunks: up to the pixels, or where pixels are wanted, all of them."""
    header = b""
    animation: tuple[int, int] | None = None
    moving = transparent = pixels = hidden_default = False
    exif = icc = None
    notes: list[str] = []
    chunks = []
    last = b""
    for kind, body, whole_chunk in _chunks(data):
        last = kind
        if not header:
            if kind != b"IHDR" or len(body) != 13:
                raise DamageError("it does not begin with a header")
            header = bytes(body)
        if kind == b"IDAT":
            hidden_default = hidden_default or (not pixels and animation is not None and not moving)
            pixels = True
            if not whole:
                break
        elif kind == b"fcTL":
            moving = True
        elif kind == b"tRNS":
            transparent = True
        elif kind == b"acTL" and not pixels:
            if animation is not None or len(body) != 8:
                raise DamageError("its announcement of an animation is wrong")
            animation = struct.unpack(">II", body)
        elif kind == b"eXIf" and exif is None:
            exif = bytes(body)
        elif kind == b"iCCP" and icc is None:
            icc = _profile(bytes(body))
            if icc is None:
                notes.append("its colour profile is damaged and is dropped")
        if whole and kind in MOVING:
            chunks.append((kind, whole_chunk))
        if kind == b"IEND":
            break
    if not header or (whole and last != b"IEND"):
        raise ends_early()
    if whole and not pixels:
        raise DamageError("it has no pixels")
    width, height, depth, kind_of_color, *_ = struct.unpack(">IIBBBBB", header)
    if depth not in DEPTHS.get(kind_of_color, ()):
        raise DamageError("its header is wrong")
    count = 1
    if animation is not None and 0 < animation[0] < LONGEST:
        count = min(animation[0] + hidden_default, frames)
    alpha = transparent or kind_of_color in {GRAY_ALPHA, RGBA}
    deep = (
        depth == 16
        and not transparent
        and (kind_of_color == GRAY or (kind_of_color in COLOURS and count == 1))
    )
    if depth == 16 and not deep:
        notes.append("16 bits a channel are cut to 8")
    return Source(
        "png",
        width,
        height,
        4 if alpha else 1 if kind_of_color == GRAY else 3,
        _file(chunks, MOVING if count > 1 else STILL) if whole else b"",
        frames=count,
        bits=16 if deep else 8,
        orientation=exif_data.orientation(exif) if exif else 1,
        icc_profile=icc,
        exif=exif,
        loop=animation[1] if animation else 0,
        notes=tuple(notes),
    )


def decode_deep(data: bytes) -> NDArray[np.uint16]:
    """Return the pixels of a file of 16 bits a channel in colour.

    Pillow has no such images: it keeps one byte of each value, and may be told which.
    """
    halves = []
    for order in ("B", "L"):  # it keeps the high bytes, in one of which values begin with them
        with opened("png", data) as image:
            image.tile = [(*image.tile[0][:3], f"{image.mode};16{order}")]  # type: ignore[list-item]  # a tuple
            image.load()
            halves.append(np.asarray(image))
    high, low = halves
    pixels = high.astype(np.uint16)
    pixels <<= 8
    pixels |= low
    return pixels


def encode(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    effort: int | None = None,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
) -> bytes:
    """Return a file of 8 or 16 bits a channel, written fast.

    Each row is the difference to the one above, and only runs are looked for: of photographs, which have no
    repetitions, the search for them that zlib is slow with makes larger files. With an `effort` it searches.
    """
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    depth = 8 * pixels.dtype.itemsize
    rows = np.ascontiguousarray(pixels if depth == 8 else pixels.astype(">u2")).view(np.uint8)
    rows = rows.reshape(height, -1)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    level, strategy = (1, zlib.Z_RLE) if effort is None else (effort, zlib.Z_FILTERED)
    compressor = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
    # An image of a gigabyte is no single chunk of PNG, and 64 MB at a time are no slower.
    body = filtered.reshape(-1).data
    step = 1 << 26
    parts = [compressor.compress(body[start : start + step]) for start in range(0, len(body), step)]
    parts.append(compressor.flush())
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, KINDS[channels], 0, 0, 0))]
    if icc_profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile)))
    if exif:
        chunks.append((b"eXIf", exif))
    chunks += [(b"IDAT", part) for part in parts if part]
    chunks.append((b"IEND", b""))
    return b"".join([MAGIC, *(piece for chunk in chunks for piece in _written(*chunk))])


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Yield each chunk's kind, body and whole, checksum included."""
    view = memoryview(data)
    position = len(MAGIC)
    for _ in range(MOST_CHUNKS):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        if length > LONGEST or not kind.isalpha():
            raise DamageError("a chunk is wrong")
        end = position + 8 + length
        body = view[position + 8 : end]
        if kind == b"IDAT" and end + 4 > len(data):
            yield kind, body, body  # a header is complete before its pixels are
            return
        if end + 4 > len(data):
            return
        if kind in MOVING and zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, end)[0]:
            raise DamageError(f"the checksum of a chunk {kind.decode()} is wrong")
        yield kind, body, view[position : end + 4]
        position = end + 4
    raise DamageError(f"it has more than {MOST_CHUNKS} chunks")


def _written(kind: bytes, body: bytes | memoryview) -> tuple[bytes, bytes | memoryview, bytes]:
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return struct.pack(">I", len(body)) + kind, body, struct.pack(">I", checksum)


def _file(chunks: list[tuple[bytes, memoryview]], kinds: set[bytes]) -> bytes:
    return b"".join([MAGIC, *(chunk for kind, chunk in chunks if kind in kinds)])


def _profile(body: bytes) -> bytes | None:
    """Return the profile in a chunk iCCP, if it is one of reasonable size."""
    name, _, rest = body.partition(b"\0")
    if not name or not rest or rest[0] != 0:
        return None
    try:
        decompressor = zlib.decompressobj()
        profile = decompressor.decompress(rest[1:], PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if decompressor.eof and profile else None
