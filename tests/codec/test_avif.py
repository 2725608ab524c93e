"""AVIF's boxes: which part of the image is shown, how often a sequence is, and its EXIF data."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import DecodeOptions, EncodeOptions, decode, encode, read_header
from imgsvc.codec.avif_boxes import MOST_BOXES
from imgsvc.errors import InvalidImageError
from tests.codec.encoded import AVIF, by_pillow, exif, photo

pytestmark = pytest.mark.skipif(not AVIF, reason="this Pillow knows no AVIF")

HEIGHT, WIDTH = 48, 64
IMAGE = photo(HEIGHT, WIDTH)
META = (b"meta", b"iprp", b"ipco")


def box(kind, body):
    return struct.pack(">L4s", 8 + len(body), kind) + body


def place_of(data, *kinds):
    """Return where a box is, in the boxes around it."""
    place = -1
    for kind in kinds:
        place = data.index(kind, place + 1)
    return place - 4


def grown(data, place, count):
    (size,) = struct.unpack_from(">L", data, place)
    struct.pack_into(">L", data, place, size + count)


def with_property(data, content):
    """Return a file of one item with another property of it, which is the last."""
    data = bytearray(data)
    number = 1
    place = place_of(data, *META) + 8
    end = place - 8 + struct.unpack_from(">L", data, place - 8)[0]
    while place < end:
        place += struct.unpack_from(">L", data, place)[0]
        number += 1
    added = box(*content)
    data[end:end] = added
    for depth in range(3):
        grown(data, place_of(data, *META[: depth + 1]), len(added))
    association = place_of(data, b"meta", b"iprp", b"ipma")
    size = struct.unpack_from(">L", data, association)[0]
    data[association + 18] += 1  # after the box's header, version, flags, count and the item
    data.insert(association + size, 0x80 | number)
    for kinds in ((b"meta",), (b"meta", b"iprp"), (b"meta", b"iprp", b"ipma")):
        grown(data, place_of(data, *kinds), 1)
    location = place_of(data, b"meta", b"iloc") + 8
    count = struct.unpack_from(">H", data, location + 6)[0]
    for index in range(count):
        grown(data, location + 8 + 14 * index + 6, len(added) + 1)
    return bytes(data)


def aperture(width, height, across=(0, 1), down=(0, 1)):
    return b"clap", struct.pack(">LLLLlLlL", *width, *height, *across, *down)


def test_a_clean_aperture_is_what_is_shown():
    # Columns 12 to 43 and rows 8 to 31: in the middle would be 16 to 47 and 12 to 35.
    file = with_property(encode(IMAGE, "avif"), aperture((32, 1), (48, 2), (-8, 2), (-4, 1)))
    whole = decode(encode(IMAGE, "avif")).frames[0]
    header, decoded = read_header(file), decode(file)
    assert (header.width, header.height) == (32, 24)
    np.testing.assert_array_equal(decoded.frames[0], whole[8:32, 12:44])
    assert decoded.notes == ()


def test_it_is_turned_after_that():
    turned = by_pillow(IMAGE, "AVIF", exif=exif(6).tobytes())
    file = with_property(turned, aperture((32, 1), (24, 1)))
    header = read_header(file)
    assert (header.width, header.height, header.orientation) == (24, 32, 6)
    np.testing.assert_array_equal(decode(file).frames[0], decode(turned).frames[0][16:48, 12:36])


@pytest.mark.parametrize(
    "wrong",
    [
        aperture((65, 1), (24, 1)),
        aperture((32, 0), (24, 1)),
        aperture((0, 1), (24, 1)),
        aperture((33, 1), (24, 1)),
        aperture((32, 1), (24, 1), (100, 1)),
        aperture((32, 1), (24, 1), (0, 0)),
        aperture((33, 2), (24, 1)),
    ],
)
def test_one_that_is_no_part_is_dropped_with_a_note(wrong):
    decoded = decode(with_property(encode(IMAGE, "avif"), wrong))
    assert decoded.frames[0].shape == IMAGE.shape
    assert decoded.notes == ("its clean aperture is wrong and is dropped",)


def test_a_property_of_another_item_does_not_count():
    file = bytearray(with_property(encode(IMAGE, "avif"), aperture((32, 1), (24, 1))))
    file[place_of(file, b"meta", b"iprp", b"ipma") + 18] -= 1  # the last one is the primary item's no longer
    header = read_header(bytes(file))
    assert (header.width, header.height) == (WIDTH, HEIGHT)


FRAMES = [np.roll(IMAGE, 9 * index, 1) for index in range(3)]


@pytest.mark.parametrize(
    ("flags", "whole", "segment", "plays"),
    [(1, (1 << 64) - 1, 3, 0), (1, 9, 3, 3), (1, 8, 3, 3), (1, 3, 3, 1), (0, 9, 3, 1)],
)
def test_how_often_a_sequence_is_shown(flags, whole, segment, plays):
    file = bytearray(encode(FRAMES, "avif"))
    header, edits = place_of(file, b"moov", b"trak", b"tkhd"), place_of(file, b"moov", b"elst")
    assert file[header + 8] == file[edits + 8] == 1  # numbers of 64 bits
    struct.pack_into(">Q", file, header + 8 + 28, whole)
    file[edits + 11] = flags
    struct.pack_into(">Q", file, edits + 16, segment)
    decoded = decode(bytes(file), DecodeOptions(frames="all"))
    assert (len(decoded.frames), decoded.loop) == (3, plays)
    with Image.open(io.BytesIO(encode(decoded, "webp"))) as image:
        image.load()
        assert image.info["loop"] == plays


@pytest.mark.parametrize("orientation", [1, 6])
def test_exif_data_are_kept(orientation):
    file = by_pillow(IMAGE, "AVIF", exif=exif(orientation).tobytes(), xmp=b"<x/>")
    decoded = decode(file)
    assert (decoded.notes, decoded.unkept) == ((), ("XMP",))
    for kind in ("jpeg", "avif"):
        again = decode(encode(decoded, kind, EncodeOptions(metadata="keep")))
        assert b"a description that is longer" in again.exif
        assert again.frames[0].shape == decoded.frames[0].shape


def test_damaged_exif_data_are_dropped_with_a_note():
    file = bytearray(by_pillow(IMAGE, "AVIF", exif=exif().tobytes()))
    items = place_of(file, b"meta", b"iloc") + 8
    assert struct.unpack_from(">H", file, items + 6)[0] == 2
    struct.pack_into(">L", file, items + 8 + 14 + 10, 1 << 30)  # the second item is as long as that
    decoded = decode(bytes(file))
    assert (decoded.exif, decoded.notes) == (None, ("its EXIF data are damaged and are dropped",))


def test_boxes_of_filler():
    file = encode(IMAGE, "avif")
    with pytest.raises(InvalidImageError, match="damaged AVIF"):
        decode(file[:32] + box(b"free", b"") * (MOST_BOXES + 1) + file[32:])


def test_every_byte_of_the_boxes_may_be_another(rng):
    """Whatever they say, there is an image or a refusal."""
    file = with_property(
        by_pillow(IMAGE, "AVIF", exif=exif().tobytes(), xmp=b"<x/>"), aperture((32, 1), (24, 1))
    )
    for place in range(place_of(file, b"meta"), place_of(file, b"mdat")):
        other = bytearray(file)
        other[place] = rng.integers(256)
        try:
            decoded = decode(bytes(other))
        except InvalidImageError:
            continue
        assert decoded.frames[0].size
