"""BMP: Pillow reads the plain ones; bit fields and run-length code are read here.

Pillow knows some of the fields, and of run-length code each row that ends early costs it the whole image.
Source: Microsoft's documentation of BITMAPINFOHEADER and BITMAPV5HEADER, and the `bmpsuite` of Jason Summers.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgsvc._rle import unpack
from imgsvc.codec.pillow import opened
from imgsvc.codec.source import DamageError, Source, UnservedError, ends_early

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode", "read"]

CHANNELS = {"1": 1, "L": 1, "P": 3, "RGB": 3, "RGBA": 4}
FILE_HEADER = 14
OLDEST, WITH_MASKS = 12, 52
OS2 = {16, 64}
PLAIN, RLE8, RLE4, FIELDS, FIELDS_WITH_ALPHA = 0, 1, 2, 3, 6
RUNS = {RLE8: 8, RLE4: 4}
OTHERS = {4: "a JPEG", 5: "a PNG", 11: "CMYK", 12: "CMYK in run-length code", 13: "CMYK in run-length code"}
USUAL_FIELDS = {16: (0x7C00, 0x3E0, 0x1F, 0)}
BLOCK_PIXELS = 1 << 20
MOST = 255


@dataclasses.dataclass(frozen=True)
class Bitmap:
    """What the header says of pixels that are read here.

    Attributes
    ----------
    width, height, upwards
        Their size, and whether the lowest row comes first.
    bits
        Of a pixel.
    masks
        Where red, green, blue and alpha are in it; none of run-length code.
    palette, start
        Where the colours and the pixels begin.
    colours
        How many there are.
    """

    width: int
    height: int
    upwards: bool
    bits: int
    masks: tuple[int, int, int, int] | None
    palette: int
    colours: int
    start: int


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:  # noqa: ARG001 - there is one frame
    """Read the header."""
    bitmap = _bitmap(data)
    kept = data if whole else b""
    if bitmap is not None:
        channels = 4 if bitmap.masks and bitmap.masks[3] else 3
        return Source("bmp", bitmap.width, bitmap.height, channels, kept)
    with opened("bmp", data if whole else data[:4096]) as image:
        return Source("bmp", image.width, image.height, CHANNELS.get(image.mode, 3), kept)


def decode(data: bytes, *, partial: bool) -> NDArray[np.uint8] | None:
    """Return the pixels; None where Pillow has to do it. If `partial`, those that are missing are zeros.

    Raises
    ------
    DamageError
        There are too few of them.
    """
    bitmap = _bitmap(data)
    if bitmap is None:
        return None
    if bitmap.masks is None:
        return _runs(data, bitmap, partial)
    return _fields(data, bitmap, bitmap.masks, partial)


def _bitmap(data: bytes) -> Bitmap | None:
    """Return what the header says of pixels that are read here; None of others."""
    try:
        start, size = struct.unpack_from("<LL", data, 10)
        if size == OLDEST:
            return None
        width, height, _, bits, compression = struct.unpack_from("<llHHL", data, 18)
        (colours,) = struct.unpack_from("<L", data, 46)
        if size in OS2 and compression > RLE4:
            raise UnservedError("BMP of OS/2 with a compression of its own")
        if compression in OTHERS:
            raise UnservedError(f"BMP that holds {OTHERS[compression]}")
        if compression in RUNS:
            masks = None
        elif bits in {16, 32} and compression in {FIELDS, FIELDS_WITH_ALPHA}:
            masks = _masks(data, size, compression)
        elif bits == 16:
            masks = USUAL_FIELDS[bits]
        else:
            return None
    except struct.error:
        raise ends_early() from None
    if width < 1 or not height:
        raise DamageError("its size is wrong")
    if masks is None and (bits != RUNS[compression] or height < 0):
        raise DamageError("its compression does not fit its pixels")
    palette = FILE_HEADER + size
    return Bitmap(width, abs(height), height > 0, bits, masks, palette, colours or 1 << bits, start)


def _masks(data: bytes, size: int, compression: int) -> tuple[int, int, int, int]:
    red, green, blue, alpha = struct.unpack_from("<4L", data.ljust(FILE_HEADER + 56, b"\0"), FILE_HEADER + 40)
    if len(data) < FILE_HEADER + WITH_MASKS:
        raise ends_early()
    if size <= WITH_MASKS and compression == FIELDS:
        alpha = 0  # there is none; what stands there are pixels
    for mask in (red, green, blue, alpha):
        low = mask & -mask
        if low and (mask // low) & (mask // low + 1):
            raise DamageError("a bit field has gaps")
    return red, green, blue, alpha


def _fields(data: bytes, bitmap: Bitmap, masks: tuple[int, ...], partial: bool) -> NDArray[np.uint8]:
    """Return pixels of bit fields, each scaled to 8 bits and rounded to the nearest."""
    wide = bitmap.bits // 8
    stride = -(-bitmap.width * wide // 4) * 4
    # The last row may lack its filler.
    needed = stride * (bitmap.height - 1) + bitmap.width * wide
    if bitmap.start + needed > len(data) and not partial:
        raise ends_early()
    content = data[bitmap.start : bitmap.start + stride * bitmap.height].ljust(stride * bitmap.height, b"\0")
    rows = np.frombuffer(content, f"<u{wide}").reshape(bitmap.height, -1)[:, : bitmap.width]
    rows = rows[::-1] if bitmap.upwards else rows
    channels = 4 if masks[3] else 3
    pixels = np.empty((bitmap.height, bitmap.width, channels), np.uint8)
    step = max(1, BLOCK_PIXELS // bitmap.width)
    for first in range(0, bitmap.height, step):
        block = rows[first : first + step]
        for channel, mask in enumerate(masks[:channels]):
            pixels[first : first + step, :, channel] = _scaled(block, mask)
    if channels == 4 and not pixels[..., 3].any():  # a field that nobody has filled in
        pixels[..., 3] = MOST
    return pixels


def _scaled(block: NDArray[Any], mask: int) -> NDArray[Any]:
    low = mask & -mask
    if not low:
        return np.zeros_like(block)
    most = mask // low
    values = (block & block.dtype.type(mask)) >> block.dtype.type(low.bit_length() - 1)
    if most != MOST:
        values = (values.astype(np.uint64) * MOST + most // 2) // most
    scaled: NDArray[Any] = values
    return scaled


def _runs(data: bytes, bitmap: Bitmap, partial: bool) -> NDArray[np.uint8]:
    """Return pixels of run-length code; what it leaves out has the first colour."""
    indices = np.zeros((bitmap.height, bitmap.width), np.uint8)
    if not unpack(memoryview(data)[bitmap.start :], indices, bitmap.bits == RUNS[RLE4]) and not partial:
        raise ends_early()
    count = min(bitmap.colours, 1 << bitmap.bits)
    entries = data[bitmap.palette : bitmap.palette + 4 * count].ljust(4 * count, b"\0")
    picture = Image.fromarray(indices, "P")
    picture.putpalette(entries, "BGRX")
    return np.asarray(picture.convert("RGB"))
