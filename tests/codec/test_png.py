"""PNG by its standard, where Pillow reads it otherwise: transparent colours, colours in numbers, the end."""

import struct

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import DecodeOptions, decode, read_header
from imgsvc.errors import UndecodableImageError
from tests.codec import profiles
from tests.codec.encoded import SRGB, by_pillow, exif, photo, png_of

GRAY, RGB = 0, 2
KEEP = DecodeOptions(color="keep")
PIXEL = (55, 20, 100)


class TestTransparentColour:
    """One colour, which is compared as the file has it, and not as what it becomes."""

    @pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
    @pytest.mark.parametrize("key", [0, "largest"])
    def test_of_gray(self, depth, key):
        largest = (1 << depth) - 1
        key = largest if key == "largest" else key
        values = [0, largest, largest // 2, 0, largest]
        decoded = decode(png_of(GRAY, depth, [[(value,) for value in values]], tRNS=struct.pack(">H", key)))
        assert decoded.frames[0].shape == (1, 5, 4)
        assert decoded.frames[0][0, :, 3].tolist() == [0 if value == key else 255 for value in values]
        grays = [round(value * 255 / largest) for value in values]
        assert np.abs(decoded.frames[0][0, :, 0] - np.array(grays)).max() <= 1

    @pytest.mark.parametrize("depth", [8, 16])
    def test_of_colours(self, depth):
        largest = (1 << depth) - 1
        near = (largest, 7, largest - 1)  # with 8 bits of 16 they are the same
        values = [(largest, 7, largest), near, (0, 0, 0)]
        data = png_of(RGB, depth, [values], tRNS=struct.pack(">3H", *values[0]))
        assert read_header(data).channels == 4
        assert decode(data).frames[0][0, :, 3].tolist() == [0, 255, 255]

    def test_of_an_image(self):
        rng = np.random.default_rng(1)
        values = rng.integers(0, 4, (9, 9))
        data = png_of(GRAY, 2, [[(int(value),) for value in row] for row in values], tRNS=b"\0\2")
        np.testing.assert_array_equal(decode(data).frames[0][..., 3] == 0, values == 2)


class TestColoursInNumbers:
    """Each stands for a profile."""

    SRGB_CHROMATICITIES = struct.pack(">8L", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    P3_CHROMATICITIES = struct.pack(">8L", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)

    def pixel(self, **chunks):
        decoded = decode(png_of(RGB, 8, [[PIXEL]], **chunks))
        return decoded.frames[0][0, 0].tolist(), decoded.notes

    @pytest.mark.parametrize(
        ("chunks", "expected"),
        [
            ({"cICP": bytes([12, 13, 0, 1])}, (60, 17, 104)),
            ({"cICP": bytes([1, 8, 0, 1])}, (128, 79, 168)),
            ({"gAMA": struct.pack(">L", 100_000)}, (128, 79, 168)),
            ({"cHRM": P3_CHROMATICITIES}, (60, 17, 104)),
            ({"cHRM": P3_CHROMATICITIES, "gAMA": struct.pack(">L", 45455)}, (60, 17, 104)),
        ],
    )
    def test_are_converted(self, chunks, expected):
        pixel, notes = self.pixel(**chunks)
        assert pixel == pytest.approx(expected, abs=1)
        assert notes == ()

    @pytest.mark.parametrize(
        "chunks",
        [
            {"cICP": bytes([1, 13, 0, 1])},
            {"cICP": bytes([2, 2, 0, 1])},
            {"gAMA": struct.pack(">L", 45455), "cHRM": SRGB_CHROMATICITIES},
            {"sRGB": b"\0", "gAMA": struct.pack(">L", 100_000)},
            {"cICP": bytes([1, 13, 0, 1]), "gAMA": struct.pack(">L", 100_000)},
            {"cICP": b"?"},
        ],
    )
    def test_that_are_srgb(self, chunks):
        assert self.pixel(**chunks) == (list(PIXEL), ())

    def test_a_profile_counts_before_gamma(self):
        data = by_pillow(Image.new("RGB", (1, 1), PIXEL), "PNG", icc_profile=SRGB)
        gamma = png_of(RGB, 8, [[PIXEL]], gAMA=struct.pack(">L", 100_000))
        at = gamma.index(b"gAMA") - 4
        both = data[:33] + gamma[at : at + 16] + data[33:]
        assert decode(both).frames[0][0, 0].tolist() == list(PIXEL)

    def test_damaged_code_points_leave_the_profile(self):
        data = by_pillow(Image.new("RGB", (1, 1), PIXEL), "PNG", icc_profile=profiles.rgb(profiles.gamma(1)))
        damaged = png_of(RGB, 8, [[PIXEL]], cICP=b"?")
        at = damaged.index(b"cICP") - 4
        both = data[:33] + damaged[at : at + 13] + data[33:]
        assert decode(both).frames[0][0, 0].tolist() == pytest.approx((128, 79, 168), abs=1)

    @pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
    def test_of_high_dynamic_range(self, transfer, name):
        pixel, notes = self.pixel(cICP=bytes([9, transfer, 0, 1]))
        assert pixel == list(PIXEL)
        assert notes == (f"its light is {name}, of high dynamic range, and its values are left as they are",)

    @pytest.mark.parametrize(
        ("chunks", "note"),
        [
            ({"gAMA": b"\0\0\0\0"}, "its gamma is damaged and is dropped"),
            ({"gAMA": b"\0"}, "its gamma is damaged and is dropped"),
            ({"gAMA": b"\xff\xff\xff\xff"}, "its gamma is damaged and is dropped"),
            ({"cHRM": bytes(32)}, "its chromaticities are damaged and are dropped"),
            ({"cHRM": b"\0"}, "its chromaticities are damaged and are dropped"),
            ({"cHRM": struct.pack(">8L", *[30000] * 8)}, "its chromaticities are damaged and are dropped"),
        ],
    )
    def test_that_are_damaged(self, chunks, note):
        assert self.pixel(**chunks) == (list(PIXEL), (note,))

    def test_are_kept_as_a_profile(self):
        decoded = decode(png_of(RGB, 8, [[PIXEL]], cICP=bytes([12, 13, 0, 1])), KEEP)
        assert decoded.frames[0][0, 0].tolist() == list(PIXEL)
        again = decode(by_pillow(decoded.frames[0], "PNG", icc_profile=decoded.icc_profile))
        assert again.frames[0][0, 0].tolist() == pytest.approx((60, 17, 104), abs=1)

    def test_of_gray(self):
        decoded = decode(png_of(GRAY, 8, [[(55,)]], gAMA=struct.pack(">L", 100_000)))
        assert decoded.frames[0][0, 0] == pytest.approx(128, abs=1)


class TestEnd:
    DATA = by_pillow(photo(), "PNG")

    @pytest.mark.parametrize("left_out", [4, 8, 12])
    def test_a_missing_marker(self, left_out):
        decoded = decode(self.DATA[:-left_out])
        np.testing.assert_array_equal(decoded.frames[0], photo())
        assert decoded.notes == ("it ends without its end marker",)

    @pytest.mark.parametrize("left_out", [13, 20, 2000])
    def test_missing_pixels(self, left_out):
        with pytest.raises(UndecodableImageError, match="ends too early"):
            decode(self.DATA[:-left_out])

    def test_a_missing_chunk_of_pixels(self):
        noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
        data = by_pillow(noise, "PNG")
        last = data.rindex(b"IDAT") - 4
        assert data.count(b"IDAT") > 1
        with pytest.raises(UndecodableImageError, match="ends too early"):
            decode(data[:last])

    def test_bytes_behind_it(self):
        assert decode(self.DATA + b"more").notes == ()


def test_an_orientation_behind_the_pixels():
    """The header knows it too, so that a plan and what comes are of one size."""
    data = by_pillow(photo(20, 30), "PNG", exif=exif(6))
    at = data.index(b"eXIf") - 4
    length = 12 + struct.unpack_from(">L", data, at)[0]
    moved = data[:at] + data[at + length : -12] + data[at : at + length] + data[-12:]
    header = read_header(moved)
    assert (header.width, header.height, header.orientation) == (20, 30, 6)
    np.testing.assert_array_equal(decode(moved).frames[0], decode(data).frames[0])
