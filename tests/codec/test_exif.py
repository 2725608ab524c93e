"""EXIF data of pixels that are new: nothing of the old ones is kept."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import Decoded, DecodeOptions, EncodeOptions, decode, encode, formats
from imgsvc.codec import exif as exif_data
from tests.codec.encoded import by_pillow, photo

THUMBNAIL = by_pillow(photo(12, 16), "JPEG")
DESCRIPTION = b"a name that stays\0"
WITH_EXIF = [name for name in ("jpeg", "png", "webp", "avif") if formats()[name].encodes]


def directory(start, entries, following, order):
    """Return a directory, whose entries are a tag, a type and a value or bytes, and what is behind it."""
    behind = start + 2 + 12 * len(entries) + 4
    body, contents = struct.pack(f"{order}H", len(entries)), b""
    for tag, kind, value in entries:
        if isinstance(value, bytes):
            body += struct.pack(f"{order}HHLL", tag, kind, len(value), behind + len(contents))
            contents += value
        else:
            body += struct.pack(f"{order}HHL", tag, kind, 1)
            body += struct.pack(order + {3: "H", 4: "L"}[kind], value).ljust(4, b"\0")
    return body + struct.pack(f"{order}L", following) + contents


def with_thumbnail(order="<", kind=4):
    """Return EXIF data of an image of 64×48 with a thumbnail of it."""
    head = struct.pack(f"{order}2sHL", b"II" if order == "<" else b"MM", 42, 8)
    size = len(
        directory(8, [(0x100, kind, 0), (0x101, kind, 0), (0x10E, 2, DESCRIPTION), (0x8769, 4, 0)], 0, order)
    )
    inner_at = 8 + size
    inner = directory(inner_at, [(0xA002, kind, 64), (0xA003, kind, 48)], 0, order)
    small_at = inner_at + len(inner)
    entries = [(0x103, 3, 6), (0x10F, 2, b"secret maker\0"), (0x201, 4, 0), (0x202, 4, len(THUMBNAIL))]
    picture_at = small_at + len(directory(small_at, entries, 0, order))
    entries[2] = (0x201, 4, picture_at)
    small = directory(small_at, entries, 0, order)
    first = directory(
        8,
        [(0x100, kind, 64), (0x101, kind, 48), (0x10E, 2, DESCRIPTION), (0x8769, 4, inner_at)],
        small_at,
        order,
    )
    return head + first + inner + small + THUMBNAIL


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [3, 4])
def test_the_thumbnail_goes_and_the_size_is_new(order, kind):
    data = exif_data.of_pixels(with_thumbnail(order, kind), 8, 6)
    assert len(data) == len(with_thumbnail(order, kind))
    assert THUMBNAIL[20:40] not in data
    assert b"secret" not in data
    assert DESCRIPTION in data
    found = Image.Exif()
    found.load(b"Exif\0\0" + data)
    inner = found.get_ifd(0x8769)
    assert (found[0x100], found[0x101], inner[0xA002], inner[0xA003]) == (8, 6, 8, 6)
    assert not found.get_ifd(1)


@pytest.mark.parametrize("name", WITH_EXIF)
def test_of_files(name):
    source = by_pillow(photo(48, 64), "JPEG", exif=b"Exif\0\0" + with_thumbnail())
    decoded = decode(source, DecodeOptions())
    cut = Decoded((np.ascontiguousarray(decoded.frames[0][:6, :8]),), exif=decoded.exif)
    data = encode(cut, name, EncodeOptions(metadata="keep"))
    assert THUMBNAIL[20:40] not in data
    exif = Image.open(io.BytesIO(data)).getexif()
    assert exif[0x10E] == "a name that stays"
    assert exif.get_ifd(0x8769)[0xA002] == 8


@pytest.mark.parametrize("end", range(0, 300, 7))
def test_cut_short(end):
    data = with_thumbnail()[:end]
    assert len(exif_data.of_pixels(data, 8, 6)) == len(data)


def test_directories_that_point_anywhere(rng):
    sound = with_thumbnail()
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(4):
            data[rng.integers(0, 200)] = rng.integers(0, 256)
        assert len(exif_data.of_pixels(bytes(data), 8, 6)) == len(data)
