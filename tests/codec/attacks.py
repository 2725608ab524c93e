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


def many_extents(items=1000):
    """Return an AVIF whose items each announce as many pieces as there can be, of no bytes."""
    entries = b"".join(struct.pack(">HHH", number, 0, 65535) for number in range(items))
    location = box(b"iloc", bytes(6) + struct.pack(">H", items) + entries)
    entry = box(b"infe", b"\2\0\0\0" + struct.pack(">HH", 1, 0) + b"Exif" + b"\0")
    listed = box(b"iinf", bytes(4) + struct.pack(">H", 1) + entry)
    start = box(b"ftyp", b"avif\0\0\0\0avifmif1")
    return start + box(b"meta", bytes(4) + listed + location)


def many_associations(items=1_000_000):
    """Return an AVIF with properties of so many items."""
    entries = b"".join(struct.pack(">HB", number & 0xFFFF or 1, 0) for number in range(items))
    association = box(b"ipma", bytes(4) + struct.pack(">L", items) + entries)
    primary = box(b"pitm", bytes(4) + struct.pack(">H", 0))
    properties = box(b"iprp", box(b"ipco", b"") + association)
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", bytes(4) + primary + properties)


def box(kind, body):
    return struct.pack(">L4s", 8 + len(body), kind) + body


def one_pixel_a_row():
    """Return a TIFF of 12 bits whose rows share their bytes."""
    rows = 400_000
    file = bytearray(struct.pack("<2sHL", b"II", 42, 16) + bytes(8))
    behind = 16 + 2 + 9 * 12 + 4
    tags = [
        (256, 4, 1, 1), (257, 4, 1, rows), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 100, behind), (277, 3, 1, 1), (278, 4, 1, rows // 100), (279, 4, 100, behind + 400),
    ]  # fmt: skip
    file += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
    file += struct.pack("<100L", *[8] * 100) + struct.pack("<100L", *[2 * rows // 100] * 100)
    return bytes(file) + bytes(2 * rows // 100)


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
    "a pixel a row": one_pixel_a_row,
    "a large gif": lambda: by_pillow(Image.new("P", (SIDE, SIDE)), "GIF"),
}
if AVIF:
    ATTACKS["boxes of filler"] = filler
    ATTACKS["items in many pieces"] = many_extents
    ATTACKS["items without end"] = many_associations
