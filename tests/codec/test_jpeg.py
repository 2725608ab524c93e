"""JPEG: what stands around the pixels."""

import struct

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import decode, jpeg, read_header
from imgsvc.errors import UndecodableImageError
from imgsvc.operations import Resize
from tests.codec.encoded import by_pillow, by_pillow_decoded, exif, photo

KINDS = {
    "baseline": by_pillow(photo(), "JPEG"),
    "progressive": by_pillow(photo(), "JPEG", progressive=True),
    "gray": by_pillow(photo()[..., 0], "JPEG"),
    "cmyk": by_pillow(Image.fromarray(photo()).convert("CMYK"), "JPEG"),
}
CMYK = ("CMYK is converted to RGB",)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def told(kind, *notes):
    return notes + (CMYK if kind == "cmyk" else ())


@pytest.mark.parametrize("left_out", [1, 2])
def test_without_its_end_marker(kind, left_out):
    data = KINDS[kind]
    decoded = decode(data[:-left_out])
    np.testing.assert_array_equal(decoded.frames[0], decode(data).frames[0])
    assert decoded.notes == told(kind, "it ends without its end marker")


@pytest.mark.parametrize("part", [0.5, 0.9])
def test_without_some_pixels(kind, part):
    data = KINDS[kind]
    with pytest.raises(UndecodableImageError):
        decode(data[: int(part * len(data))])


def test_with_bytes_behind_its_end(kind):
    """A motion photo: a film that may have anything in it."""
    film = b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\x0c" * 200
    decoded = decode(KINDS[kind] + film)
    np.testing.assert_array_equal(decoded.frames[0], decode(KINDS[kind]).frames[0])
    assert decoded.notes == told(kind, f"the {len(film)} bytes behind its end are dropped")


@pytest.mark.parametrize("filler", [b"", b"\0" * 100])
def test_filler_behind_its_end_is_nothing(kind, filler):
    assert decode(KINDS[kind] + filler).notes == told(kind)


def test_with_further_pictures(kind):
    decoded = decode(KINDS[kind] + KINDS["baseline"])
    assert decoded.notes == told(kind, "it holds further pictures, such as a gain map, which are dropped")


def test_a_thumbnail_is_no_end():
    data = by_pillow(photo(), "JPEG", exif=exif(1).tobytes() + KINDS["gray"])
    decoded = decode(data)
    np.testing.assert_array_equal(decoded.frames[0], by_pillow_decoded(data))
    assert decoded.notes == ()


@pytest.mark.parametrize(("number", "form"), [(1, "B"), (3, "H"), (4, "L"), (6, "b"), (8, "h"), (9, "l")])
@pytest.mark.parametrize("order", "<>")
def test_orientations_of_every_integer_type(number, form, order):
    """Scanners and cameras write them so."""
    body = struct.pack(f"{order}2sHLHHHL", b"II" if order == "<" else b"MM", 42, 8, 1, 0x0112, number, 1)
    body += struct.pack(order + form, 6).ljust(4, b"\0") + bytes(4)
    data = by_pillow(photo(20, 30), "JPEG", exif=b"Exif\0\0" + body)
    header = read_header(data)
    assert (header.width, header.height) == (20, 30)
    decoded = decode(data)
    assert decoded.frames[0].shape == (30, 20, 3)
    again = by_pillow(photo(20, 30), "JPEG", exif=b"Exif\0\0" + decoded.exif)
    assert read_header(again).orientation == 1


@pytest.mark.parametrize(
    ("side", "result"),
    [(17, 2), (9, 1), (4001, 500), (33, 4), (501, 60), (797, 99), (799, 99), (1601, 200), (1600, 200)],
)
def test_decoded_smaller_things_stay_in_place(side, result):
    """A side that is no multiple of the factor has a last pixel that covers less."""
    ramp = np.tile(np.linspace(0, 255, side).astype(np.uint8), (32, 1))
    data = by_pillow(np.ascontiguousarray(ramp), "JPEG", quality=100)
    resize = Resize(width=result, height=2)
    smaller = decode(data, at_least=(2 * result, 4))
    difference = resize(decode(data).frames[0]).astype(int) - resize(smaller.frames[0])
    assert np.abs(difference).max() <= 1
    assert (smaller.scale > 1) == (side > 500)


def test_decoded_smaller_a_line_stays_in_its_pixel():
    column = np.zeros((9, 9), np.uint8)
    column[:, 6:] = 255
    data = by_pillow(column, "JPEG", quality=100)
    resize = Resize(width=1, height=1)
    assert resize(decode(data, at_least=(2, 2)).frames[0]) == resize(decode(data).frames[0])


def test_a_harmless_warning_costs_no_more_than_that(monkeypatch):
    """As of a first scan that says that it is a part of one; Pillow would decode all of the pixels."""
    whole = by_pillow(photo(400, 600), "JPEG")
    data = bytearray(whole)
    at = data.index(b"\xff\xda")
    assert data[at + 12] == 63
    data[at + 12] = 62
    monkeypatch.setattr("imgsvc.codec.decoding.opened", lambda *_: pytest.fail("Pillow is asked"))
    right, taken = (decode(bytes(each), at_least=(60, 40)) for each in (whole, data))
    assert taken.scale == right.scale == 8
    np.testing.assert_array_equal(taken.frames[0], right.frames[0])


def test_a_harmless_warning_before_the_pixels_is_met_twice_at_most(monkeypatch):
    """It is one of the header, for which libjpeg-turbo's wrapper always gives up: Pillow does not."""
    whole = by_pillow(photo(), "JPEG")
    data = bytearray(whole)
    data[data.index(b"JFIF\0") + 5] = 77
    asked = []
    decode_jpeg = jpeg.simplejpeg.decode_jpeg
    monkeypatch.setattr(
        jpeg.simplejpeg, "decode_jpeg", lambda *a, **more: asked.append(a) or decode_jpeg(*a, **more)
    )
    np.testing.assert_array_equal(decode(bytes(data)).frames[0], by_pillow_decoded(whole))
    assert len(asked) == 2
