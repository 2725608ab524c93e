"""PNG: its chunks, and a fast way to write it."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.codec import exif as exif_data
from imgsvc.codec.cicp import of_code_points, of_numbers
from imgsvc.codec.color import DAMAGED
from imgsvc.codec.pillow import load, opened
from imgsvc.codec.png_texts import INTERNATIONAL, TEXTS, XMP, Texts
from imgsvc.codec.source import FIRST_ALONE, PROFILE_BYTES, DamageError, Source, ends_early

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from imgsvc.codec.palette import Indexed

MAGIC = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS, LEAST_CHUNK = 10_000, 2048
"""So many chunks, and more where they have so many bytes: libpng writes 8 KiB each."""

LONGEST = (1 << 31) - 1
STILL = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
PIXELS = {b"IDAT", b"fdAT"}
MOVING = STILL | {b"acTL", b"fcTL", b"fdAT"}
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
COLOURS = {RGB, RGBA}
DEPTHS = {GRAY: {1, 2, 4, 8, 16}, RGB: {8, 16}, PALETTE: {1, 2, 4, 8}, GRAY_ALPHA: {8, 16}, RGBA: {8, 16}}
SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
KINDS = {1: GRAY, 3: RGB, 4: RGBA}
UP = 2
OPAQUE = 255
INDEXED_EFFORT, MOST_LEVEL = 6, 7
CODE_POINTS = 4
ANYWHERE = {b"eXIf"}
ONCE = ANYWHERE | {b"acTL", b"tRNS", b"iCCP", b"cICP", b"sRGB", b"gAMA", b"cHRM", b"pHYs"}


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:
    """Look through the chunks: of those with pixels no further than their length, unless `whole`."""
    found = _Chunks(whole)
    moving = whole and frames > FIRST_ALONE
    checked = MOVING if moving else STILL
    if partial or not whole:
        checked = checked - PIXELS
    for kind, body, whole_chunk in _chunks(data, checked=checked):
        found.take(kind, body, whole_chunk)
        if kind == b"IEND":
            break
    if found.header is None or (whole and not found.ends and not partial):
        raise ends_early()
    if whole and not found.pixels:
        raise DamageError("it has no pixels")
    width, height, depth, kind_of_color = found.header
    exif, key = found.once.get(b"eXIf"), _key(found.once.get(b"tRNS"), kind_of_color)
    made, unkept, others = found.texts.as_exif(found.once.get(b"pHYs"), replaced=exif is not None)
    icc, notes = _profile_of(found.once, gray=kind_of_color in {GRAY, GRAY_ALPHA})
    count, hidden, loop = found.animation(frames)
    alpha = b"tRNS" in found.once or kind_of_color in {GRAY_ALPHA, RGBA}
    deep = (
        depth == 16
        and b"tRNS" not in found.once
        and (kind_of_color == GRAY or (kind_of_color in COLOURS and count == 1))
    )
    if depth == 16 and not deep:
        notes.append("16 bits a channel are cut to 8")
    if whole and found.last != b"IEND":
        notes.append("it ends without its end marker")
    return Source(
        "png",
        width,
        height,
        4 if alpha else 1 if kind_of_color == GRAY else 3,
        found.file(MOVING if moving and count + hidden > 1 else STILL) if whole else b"",
        frames=count,
        hidden=hidden,
        bits=16 if deep else 8,
        depth=depth,
        stored_bits=depth * SAMPLES[kind_of_color],
        orientation=exif_data.orientation(exif) if exif else 1,
        icc_profile=icc,
        exif=exif or made,
        unkept=unkept,
        others=others,
        loop=loop,
        notes=tuple(notes),
        transparent=key,
    )


class _Chunks:
    """What is found in the chunks, in their order.

    Attributes
    ----------
    header
        Width, height, depth and kind of colour.
    once
        Contents of chunks that count once, by kind.
    texts
        What is written in it.
    pixels, ends
        Whether there are pixels, and whether they or something behind them was there in full.
    last
        The kind of the last one.
    """

    def __init__(self, whole: bool) -> None:
        self.header: tuple[int, int, int, int] | None = None
        self.once: dict[bytes, bytes] = {}
        self.pixels = self.ends = False
        self.last = b""
        self.texts = Texts()
        self._whole = whole
        self._kept: list[tuple[bytes, memoryview | bytes]] = []
        self._moving = self._hidden_default = False

    def take(self, kind: bytes, body: memoryview, whole_chunk: memoryview) -> None:
        """Look at one."""
        if self.header is None:
            if kind != b"IHDR" or len(body) != 13:
                raise DamageError("it does not begin with a header")
            width, height, depth, kind_of_color, *_ = struct.unpack(">IIBBBBB", body)
            if depth not in DEPTHS.get(kind_of_color, ()):
                raise DamageError("its header is wrong")
            self.header = width, height, depth, kind_of_color
        elif kind == b"IHDR":
            raise DamageError("it has two headers")
        self.last = kind
        self.ends = self.pixels and len(whole_chunk) == len(body) + 12
        if kind == b"IDAT":
            self._hidden_default |= not self.pixels and b"acTL" in self.once and not self._moving
            self.pixels = True
            self.ends = len(whole_chunk) == len(body) + 12
        elif kind == b"fcTL":
            self._moving = True
        elif kind == b"acTL" and kind in self.once:
            raise DamageError("its announcement of an animation is wrong")
        elif kind in TEXTS:
            self.texts.take(kind, body)
        elif kind in ONCE and (kind in ANYWHERE or not self.pixels):
            self.once.setdefault(kind, bytes(body))
        if self._whole and kind in MOVING:
            is_whole = len(whole_chunk) > len(body)
            self._kept.append((kind, whole_chunk if is_whole else b"".join(_written(kind, body))))

    def animation(self, most: int) -> tuple[int, int, int]:
        """Return how many frames there are, up to `most`, how many are hidden, and their loop."""
        announced = self.once.get(b"acTL")
        if announced is None:
            return 1, 0, 0
        if len(announced) != 8:
            raise DamageError("its announcement of an animation is wrong")
        count, loop = struct.unpack(">II", announced)
        if not 0 < count < LONGEST:
            return 1, 0, loop
        return min(count, most), int(self._hidden_default), loop

    def file(self, kinds: set[bytes]) -> bytes:
        """Return a file of these chunks alone, with an end."""
        end = [] if self.last == b"IEND" else _written(b"IEND", b"")
        return b"".join([MAGIC, *(chunk for kind, chunk in self._kept if kind in kinds), *end])


def _key(transparency: bytes | None, kind_of_color: int) -> tuple[int, ...] | None:
    """Return the one colour that is transparent, in values as the file has them; None where there is none."""
    count = {GRAY: 1, RGB: 3}.get(kind_of_color, 0)
    if transparency is None or not count or len(transparency) < 2 * count:
        return None
    return struct.unpack_from(f">{count}H", transparency)


def _profile_of(chunks: dict[bytes, bytes], *, gray: bool) -> tuple[bytes | None, list[str]]:
    """Return the profile, which chunks of numbers may stand for, and what there is to say."""
    notes: list[str] = []
    icc = chunks.get(b"iCCP")
    profile = None if icc is None else _profile(icc)
    if icc is not None and profile is None:
        notes.append(DAMAGED)
    if len(chunks.get(b"cICP", b"")) == CODE_POINTS or profile is None:
        profile, note = _colours(chunks, gray=gray)
        notes += [note] if note else []
    return profile, notes


def _colours(chunks: dict[bytes, bytes], *, gray: bool) -> tuple[bytes | None, str | None]:
    """Return the profile that other chunks than iCCP stand for, if they do, and what there is to say."""
    code_points = chunks.get(b"cICP")
    if code_points is not None and len(code_points) == CODE_POINTS:
        return of_code_points(code_points[0], code_points[1], gray=gray)
    if b"sRGB" in chunks or chunks.keys().isdisjoint({b"gAMA", b"cHRM"}):
        return None, None
    return of_numbers(chunks.get(b"gAMA"), chunks.get(b"cHRM"), gray=gray)


def alpha(pixels: NDArray[Any], source: Source) -> NDArray[np.uint8] | None:
    """Return the alpha of pixels of which one colour is transparent; of gray as Pillow gives it, or deep.

    Pillow knows the value as the file has it, and compares that with what it has made of 1, 2 and 4 bits.
    """
    if source.transparent is None:
        return None
    wide = pixels.dtype != np.uint8
    key = [value if wide else value * 255 // ((1 << source.depth) - 1) for value in source.transparent]
    same = pixels == (key[0] if pixels.ndim == 2 else np.array(key))
    if pixels.ndim == 3:
        same = same.all(axis=2)
    return np.where(same, np.uint8(0), np.uint8(255))


def decode_with_key(source: Source, *, partial: bool) -> NDArray[np.uint8]:
    """Return RGBA pixels of a file of 16 bits a channel in RGB, of which one colour is transparent."""
    deep = decode_deep(source.pillow_data, partial=partial)
    pixels = np.empty((*deep.shape[:2], 4), np.uint8)
    pixels[..., :3] = deep >> 8
    pixels[..., 3] = alpha(deep, source)
    return pixels


def decode_deep(data: bytes, *, partial: bool) -> NDArray[np.uint16]:
    """Return the pixels of a file of 16 bits a channel in colour.

    Pillow has no such images: it keeps one byte of each value, and may be told which.
    """
    halves = []
    for order in ("B", "L"):  # it keeps the high bytes, in one of which values begin with them
        with opened("png", data) as image:
            image.tile = [(*image.tile[0][:3], f"{image.mode};16{order}")]  # type: ignore[list-item]  # a tuple
            load(image, partial=partial)
            halves.append(np.asarray(image))
    high, low = halves
    pixels = high.astype(np.uint16)
    pixels <<= 8
    pixels |= low
    return pixels


def level_of(effort: int) -> int:
    """Return the level of zlib: beyond 7 noise of two values takes ten times as long, for nothing."""
    return min(effort, MOST_LEVEL)


def encode(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    effort: int | None = None,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
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
    level, strategy = (1, zlib.Z_RLE) if effort is None else (level_of(effort), zlib.Z_FILTERED)
    compressor = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
    header = struct.pack(">IIBBBBB", width, height, depth, KINDS[channels], 0, 0, 0)
    return _file(header, _metadata_chunks(icc_profile, exif, xmp), filtered, compressor)


def encode_indexed(
    image: Indexed,
    *,
    effort: int | None = None,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
) -> bytes:
    """Return a file of an image of at most 256 colours, in as few bits as their numbers need."""
    height, width = image.indices.shape
    bits = image.bits
    wide = -(-width // (8 // bits)) * (8 // bits)
    numbers = np.zeros((height, wide), np.uint8)
    numbers[:, :width] = image.indices
    rows = np.zeros((height, 1 + wide * bits // 8), np.uint8)  # each begins with its filter, none
    for place in range(8 // bits):
        rows[:, 1:] |= numbers[:, place :: 8 // bits] << (8 - bits * (place + 1))
    chunks = _metadata_chunks(icc_profile, exif, xmp)
    chunks.append((b"PLTE", image.colours[:, :3].tobytes()))
    seen_through = int(np.count_nonzero(image.colours[:, 3] < OPAQUE))
    if seen_through:
        chunks.append((b"tRNS", image.colours[:seen_through, 3].tobytes()))
    header = struct.pack(">IIBBBBB", width, height, bits, PALETTE, 0, 0, 0)
    compressor = zlib.compressobj(INDEXED_EFFORT if effort is None else level_of(effort))
    return _file(header, chunks, rows, compressor)


def _metadata_chunks(
    icc_profile: bytes | None, exif: bytes | None, xmp: bytes | None
) -> list[tuple[bytes, bytes]]:
    chunks = []
    if icc_profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile)))
    if exif:
        chunks.append((b"eXIf", exif))
    if xmp:
        chunks.append((INTERNATIONAL, XMP + bytes(5) + xmp))  # not packed, in no language, and no other name
    return chunks


def _file(
    header: bytes, chunks: list[tuple[bytes, bytes]], rows: NDArray[np.uint8], compressor: Any
) -> bytes:
    """Return a file of rows that begin with their filters, with chunks before them."""
    # An image of a gigabyte is no single chunk of PNG, and 64 MB at a time are no slower.
    body = rows.reshape(-1).data
    step = 1 << 26
    parts = [compressor.compress(body[start : start + step]) for start in range(0, len(body), step)]
    parts.append(compressor.flush())
    pixels = [(b"IDAT", part) for part in parts if part]
    every = [(b"IHDR", header), *chunks, *pixels, (b"IEND", b"")]
    return b"".join([MAGIC, *(piece for chunk in every for piece in _written(*chunk))])


def _chunks(data: bytes, *, checked: set[bytes]) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Yield each chunk's kind, body and whole, checksum included; of some the checksums are looked at."""
    view = memoryview(data)
    position = len(MAGIC)
    most = MOST_CHUNKS + len(data) // LEAST_CHUNK
    for _ in range(most):
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
        if kind in checked and zlib.crc32(body, zlib.crc32(kind)) != struct.unpack_from(">I", data, end)[0]:
            raise DamageError(f"the checksum of a chunk {kind.decode()} is wrong")
        yield kind, body, view[position : end + 4]
        position = end + 4
    raise DamageError(f"it has more than {most} chunks")


def _written(kind: bytes, body: bytes | memoryview) -> tuple[bytes, bytes | memoryview, bytes]:
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return struct.pack(">I", len(body)) + kind, body, struct.pack(">I", checksum)


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
