"""Bytes from strangers: damaged, cut short, bombs, and no images at all."""

import random
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import DecodeLimits, DecodeOptions, decode, encode, read_header
from imgsvc.errors import (
    InvalidImageError,
    InvalidInputError,
    UndecodableImageError,
    UnsupportedFormatError,
)
from tests.codec.encoded import by_pillow, every_kind, photo

FILES = every_kind()
EVERYTHING = DecodeOptions(depth="keep", frames="all")
SMALL = DecodeLimits(pixels=1_000_000, total_pixels=2_000_000)
CUTS, DAMAGES = 40, 150


def tried(data):
    """Return what decoding says of it; nothing but a result and our errors leaves it."""
    told = []
    for attempt in (
        lambda: read_header(data),
        lambda: decode(data, limits=SMALL),
        lambda: decode(data, EVERYTHING, SMALL),
    ):
        try:
            attempt()
            told.append("")
        except InvalidInputError as error:
            told.append(str(error))
    return told


@pytest.mark.parametrize("kind", FILES)
def test_cut_short(kind):
    data = FILES[kind]
    for end in range(0, len(data), max(1, len(data) // CUTS)):
        tried(data[:end])
    with pytest.raises(UndecodableImageError) as caught:
        decode(data[: len(data) // 2], EVERYTHING)
    assert str(caught.value) in {
        f"image: a {kind.split()[0].upper()} file that ends too early, expected a whole one",
        f"image: a damaged {kind.split()[0].upper()} file, expected one that can be decoded",
    }


@pytest.mark.parametrize("kind", FILES)
def test_damaged(kind):
    chance = random.Random(kind)
    for round_ in range(DAMAGES):
        data = bytearray(FILES[kind])
        reach = len(data) if round_ % 2 else min(len(data), 200)
        for _ in range(chance.randint(1, 5)):
            data[chance.randrange(reach)] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        tried(bytes(data))


@pytest.mark.parametrize("options", [DecodeOptions(), DecodeOptions(damaged="partial")])
def test_a_second_header_of_another_size(options):
    """Of which a decoder may take the last, whatever was looked at before."""
    other = chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0))
    with pytest.raises(UndecodableImageError, match="two headers"):
        decode(png(1, 1, other, chunk(b"IDAT", zlib.compress(bytes(4)))), options)


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp", "tiff raw"])
def test_that_it_ends_too_early_is_told(kind):
    data = FILES[kind]
    with pytest.raises(UndecodableImageError) as caught:
        decode(data[: len(data) // 2], field="photo")
    name = kind.split()[0].upper()
    assert str(caught.value) == f"photo: a {name} file that ends too early, expected a whole one"


def test_that_a_jpeg_ends_before_its_pixels_is_told():
    data = FILES["jpeg progressive"]
    for end in range(3, data.index(b"\xff\xda"), 7):
        with pytest.raises(UndecodableImageError, match="^image: a JPEG file that ends too early, expected"):
            decode(data[:end])


def test_no_image():
    served = "JPEG, PNG, WEBP, AVIF, TIFF, GIF, BMP"
    for data, value in ((b"", "no bytes"), (b"hello, world", "bytes of no known format")):
        with pytest.raises(InvalidImageError) as caught:
            read_header(data)
        assert str(caught.value).startswith(f"image: {value}, expected an image: {served[:9]}")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "PSD"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"  <svg/>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"P6\n1 1\n255\n\0\0\0", "PNM"),
    ],
)
def test_known_formats_that_are_not_served(data, name):
    for function in (read_header, decode):
        with pytest.raises(UnsupportedFormatError) as caught:
            function(data)
        assert str(caught.value).startswith(
            f"image: an image in the format {name}, expected one of JPEG, PNG"
        )


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, *chunks):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"".join([b"\x89PNG\r\n\x1a\n", header, *chunks, chunk(b"IEND", b"")])


class TestBombs:
    def test_a_size_that_is_claimed(self):
        data = png(60000, 60000, chunk(b"IDAT", zlib.compress(b"\0" * 1000)))
        assert read_header(data).shape == (60000, 60000, 3)
        with pytest.raises(InvalidImageError) as caught:
            decode(data)
        assert str(caught.value) == "image: 60000×60000 pixels, expected at most 100000000"

    def test_no_pixels(self):
        with pytest.raises(InvalidImageError) as caught:
            read_header(png(0, 5, chunk(b"IDAT", b"")))
        assert str(caught.value) == "image: 0×5 pixels, expected at least one row and one column"

    @pytest.mark.parametrize("kind", FILES)
    def test_the_limit_of_pixels(self, kind):
        header = read_header(FILES[kind])
        with pytest.raises(InvalidImageError) as caught:
            decode(FILES[kind], limits=DecodeLimits(pixels=2399))
        assert str(caught.value) == f"image: {header.width}×{header.height} pixels, expected at most 2399"
        assert decode(FILES[kind], limits=DecodeLimits(pixels=2400)).frames[0].size >= 2400

    @pytest.mark.parametrize("body", [b"a\0\0", b"a\0\0\0\0"])
    def test_text_and_profiles_that_grow(self, body):
        bomb = zlib.compress(b"\0" * (1 << 27), 9)
        small = encode(photo(4, 4), "png")
        for kind in (b"zTXt", b"iCCP", b"iTXt"):
            data = small[:33] + chunk(kind, body + bomb) + small[33:]
            start = time.perf_counter()
            np.testing.assert_array_equal(decode(data).frames[0], photo(4, 4))
            assert time.perf_counter() - start < 1

    def test_frames_are_counted_no_further_than_the_limit(self):
        frame = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
        data = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame * 500_000 + b";"
        start = time.perf_counter()
        assert read_header(data).frames == 1001
        assert decode(data).frames[0].shape == (1, 1, 3)
        with pytest.raises(InvalidImageError) as caught:
            decode(data, DecodeOptions(frames="all"))
        assert time.perf_counter() - start < 1
        assert str(caught.value) == "image: more than 1000 frames, expected at most 1000"

    def test_frames_that_are_too_large_together(self):
        data = by_pillow(photo(), "TIFF", save_all=True, append_images=[])
        assert decode(data, EVERYTHING).frames[0].shape == (40, 60, 3)
        with pytest.raises(InvalidImageError) as caught:
            decode(FILES["gif animated"], EVERYTHING, DecodeLimits(total_pixels=4799))
        assert str(caught.value) == "image: 2 frames of 60×40 pixels, expected at most 4799 pixels together"

    def test_tiles_beyond_reason(self):
        entries = [(256, 4, 4), (257, 4, 4), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1)]
        entries += [(322, 4, 1 << 20), (323, 4, 1 << 20), (324, 4, 8), (325, 4, 1)]
        body = b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in entries)
        data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + b"\0\0\0\0"
        with pytest.raises(InvalidImageError) as caught:
            decode(data)
        assert (
            str(caught.value) == "image: a page or tile of 1099511627776 pixels, expected at most 100000000"
        )

    def test_pages_in_a_circle(self):
        data = bytearray(FILES["tiff raw"])
        (first,) = struct.unpack_from("<L", data, 4)
        (count,) = struct.unpack_from("<H", data, first)
        struct.pack_into("<L", data, first + 2 + 12 * count, first)
        assert read_header(bytes(data)).frames == 1

    def test_scans_without_end(self):
        data = by_pillow(photo(), "JPEG", progressive=True)
        last = data[data.rindex(b"\xff\xda") : -2]
        with pytest.raises(UndecodableImageError) as caught:
            decode(data[:-2] + last * 100 + data[-2:])
        assert str(caught.value) == (
            "image: a damaged JPEG file (it has more than 100 scans), expected one that can be decoded"
        )

    def test_chunks_without_end(self):
        with pytest.raises(UndecodableImageError, match="it has more than 105.. chunks"):
            decode(png(1, 1, *[chunk(b"teSt", b"")] * 100_001))
        many = png(1, 1, *[chunk(b"teSt", bytes(4096))] * 11_000, chunk(b"IDAT", zlib.compress(bytes(4))))
        assert decode(many).frames[0].shape == (1, 1, 3)  # as large files have

    def test_blocks_without_end(self):
        file = by_pillow(Image.new("P", (1, 1)), "GIF")
        at = file.index(b",")
        with pytest.raises(UndecodableImageError, match="it has more than [0-9]+ blocks"):
            decode(file[:at] + b"!\xfe\x01x\0" * 50_000 + file[at:])


def test_damaged_chunks_are_told():
    data = bytearray(encode(photo(), "png"))
    data[40] ^= 1
    data[60] ^= 1
    with pytest.raises(UndecodableImageError) as caught:
        decode(bytes(data))
    assert str(caught.value) == (
        "image: a damaged PNG file (the checksum of a chunk IDAT is wrong), expected one that can be decoded"
    )


def test_an_animation_that_is_announced_twice():
    frames = chunk(b"acTL", struct.pack(">II", 1, 0))
    with pytest.raises(UndecodableImageError):
        decode(png(1, 1, frames, frames, chunk(b"IDAT", zlib.compress(b"\0" * 4))))
