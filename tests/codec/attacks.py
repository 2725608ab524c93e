"""Small files that would take much: each of a kind that has held a server, or could."""

import struct
import zlib

from PIL import Image

from imgsvc.codec.avif_boxes import MOST_BOXES
from tests.codec import profiles
from tests.codec.encoded import AVIF, by_pillow, jpeg_of_scans, photo, png
from tests.codec.test_bmp import PALETTE, RLE8, bmp

SIDE = 10_000
"""Of an image of as many pixels as a server takes by default."""


def many_directories(num_bytes, pages=1001):
    """Return a TIFF whose directories all point at the same bytes."""
    values = num_bytes // 8
    file = bytearray(struct.pack("<2sHL", b"II", 42, 8 + num_bytes) + bytes(num_bytes))
    tags = (258, 273, 279, 320, 324, 325, 338, 339, 347, 529, 530, 531, 532)
    for page in range(pages):
        entries = sorted([(256, 4, 1, 100), (257, 4, 1, 100), *((tag, 12, values, 8) for tag in tags)])
        directory = struct.pack("<H", len(entries))
        directory += b"".join(struct.pack("<HHLL", *entry) for entry in entries)
        following = len(file) + len(directory) + 4 if page + 1 < pages else 0
        file += directory + struct.pack("<L", following)
    return bytes(file)


def zeros(kind, depth, row_bytes, *chunks):
    """Return a PNG of as many pixels as are taken, all of them 0."""
    compressor = zlib.compressobj(9)
    row = b"\0" * (1 + row_bytes)
    pixels = b"".join([*(compressor.compress(row) for _ in range(SIDE)), compressor.flush()])
    file = png((SIDE, SIDE, depth, kind, 0), [], *chunks)
    at = file.index(b"IDAT") - 4
    body = struct.pack(">I", len(pixels)) + b"IDAT" + pixels + struct.pack(">I", zlib.crc32(b"IDAT" + pixels))
    return file[:at] + body + file[-12:]


def empty_rows():
    """Return a BMP of ten megapixels, of which each row of the code says no more than that it ends."""
    return bmp(4000, 2500, 8, RLE8, b"\0\0" * 2500 + b"\0\1", palette=PALETTE)


def filler():
    """Return an AVIF with boxes of nothing before its image."""
    file = by_pillow(photo(), "AVIF")
    return file[:32] + b"\0\0\0\x08free" * (100 * MOST_BOXES) + file[32:]


ATTACKS = {
    "a profile of many elements": lambda: by_pillow(
        photo(), "PNG", icc_profile=profiles.many_elements(200_000)
    ),
    "directories that share their bytes": lambda: many_directories(1 << 20),
    "rows of run-length code": empty_rows,
    "a hundred scans": lambda: jpeg_of_scans(SIDE, SIDE, 100),
    "more scans": lambda: jpeg_of_scans(SIDE, SIDE, 1000),
    "a palette with alpha": lambda: zeros(3, 8, SIDE, (b"PLTE", bytes(768)), (b"tRNS", bytes(256))),
    "sixteen bits with alpha": lambda: zeros(6, 16, 8 * SIDE),
    "lzma": lambda: by_pillow(Image.new("RGB", (6000, 6000)), "TIFF", compression="lzma"),
    "a large gif": lambda: by_pillow(Image.new("P", (SIDE, SIDE)), "GIF"),
}
if AVIF:
    ATTACKS["boxes of filler"] = filler
