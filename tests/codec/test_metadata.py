"""Metadata beside EXIF data: what EXIF data have too becomes that, and the rest is told."""

import io
import struct

import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from imgsvc.codec import EncodeOptions, decode, encode, formats
from tests.codec.encoded import by_pillow, exif, photo

ARTIST, COPYRIGHT, DESCRIPTION, X_RESOLUTION, UNIT = 0x13B, 0x8298, 0x10E, 0x11A, 0x128
WITH_EXIF = [name for name in ("jpeg", "png", "webp") if formats()[name].encodes]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def kept(data, name="jpeg"):
    """Return EXIF data of what becomes of a file."""
    file = encode(decode(data), name, EncodeOptions(metadata="keep"))
    return Image.open(io.BytesIO(file)).getexif()


def tiff(**more):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ARTIST], tags[COPYRIGHT] = "who made it", "© who owns it"
    for tag, value in more.items():
        tags[int(tag[1:])] = value
    return by_pillow(photo(), "TIFF", tiffinfo=tags, dpi=(300, 300))


@pytest.mark.parametrize("name", WITH_EXIF)
def test_of_tiff(name):
    found = kept(tiff(), name)
    assert found[ARTIST] == "who made it"
    assert "who owns it" in found[COPYRIGHT]
    assert (found[X_RESOLUTION], found[UNIT]) == (300, 2)


def png(exif_data=None, **texts):
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    more = {} if exif_data is None else {"exif": exif_data}
    return by_pillow(photo(), "PNG", pnginfo=info, dpi=(300, 300), **more)


@pytest.mark.parametrize("name", WITH_EXIF)
def test_of_png(name):
    found = kept(png(Author="who made it", Copyright="© who owns it", Description="what it is"), name)
    assert (found[ARTIST], found[DESCRIPTION]) == ("who made it", "what it is")
    assert "who owns it" in found[COPYRIGHT]
    assert float(found[X_RESOLUTION]) == pytest.approx(300, abs=0.1)
    assert found[UNIT] == 2


def test_of_png_in_other_alphabets():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Author", "Зоя", "ru", "Автор")
    data = by_pillow(photo(), "PNG", pnginfo=info)
    assert "Зоя".encode() in decode(data).exif
    assert decode(data).unkept == ()


def with_segment(marker, body):
    data = by_pillow(photo(), "JPEG")
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]


@pytest.mark.parametrize(
    ("data", "unkept"),
    [
        (with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP), ("XMP",)),
        (with_segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0"), ("IPTC",)),
        (with_segment(0xFE, b"a comment"), ("a comment",)),
        (by_pillow(photo(), "PNG"), ()),
        (png(Something="else"), ("text",)),
        (png(exif(1), Author="who made it"), ("text",)),
        (tiff(t700=XMP), ("XMP",)),
        (tiff(t33723=b"\x1c\2"), ("IPTC",)),
        (tiff(), ()),
    ],
)
def test_what_is_not_kept_is_told(data, unkept):
    decoded = decode(data)
    assert decoded.unkept == unkept
    assert decoded.notes == ()


def test_long_texts_are_not_kept():
    assert decode(png(Author="x" * 10_000)).unkept == ("text",)
    assert "x" * 100 not in str(decode(tiff(t270="x" * 10_000)).exif)


@pytest.mark.skipif("webp" not in WITH_EXIF, reason="this Pillow has no WebP")
def test_of_webp():
    assert decode(by_pillow(photo(), "WEBP", xmp=XMP)).unkept == ("XMP",)
