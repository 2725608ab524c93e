"""Colour profiles: what makes one sRGB's, what is converted, and what LittleCMS is never given."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imgsvc.codec import Decoded, DecodeOptions, EncodeOptions, decode, encode, icc
from imgsvc.codec.color import profile_fits, to_srgb
from imgsvc.errors import UndecodableImageError
from tests.codec import profiles
from tests.codec.encoded import AVIF, SRGB, by_pillow, photo

KEEP = DecodeOptions(color="keep")
DAMAGED = "its colour profile is damaged and is dropped"
FOR_OTHERS = "its colour profile is for other colours and is dropped"
PIXEL = (55, 20, 100)
SIZE = (3, 2)


def converted(profile, pixel=PIXEL, mode="RGB"):
    """Return what becomes of a pixel, and the notes."""
    decoded = decode(by_pillow(Image.new(mode, SIZE, pixel), "PNG", icc_profile=profile))
    return tuple(map(int, np.atleast_1d(decoded.frames[0][0, 0]))), decoded.notes


class TestSrgb:
    """By what is in it."""

    LINEAR = np.linspace(0, 1, 1024)
    ENCODED = np.where(LINEAR <= 0.04045, LINEAR / 12.92, ((LINEAR + 0.055) / 1.055) ** 2.4)

    @pytest.mark.parametrize(
        "profile",
        [
            SRGB,
            profiles.rgb(profiles.SRGB_CURVE),
            profiles.rgb(profiles.table(ENCODED)),
            profiles.rgb(
                profiles.parametric(4, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0, 0), name="mine"
            ),
            icc.made_profile(((0.64, 0.33), (0.3, 0.6), (0.15, 0.06)), (0.3127, 0.329), None),
        ],
    )
    def test_is(self, profile):
        assert icc.parse(profile).is_srgb
        assert converted(profile) == (PIXEL, ())

    @pytest.mark.parametrize(
        "profile",
        [
            profiles.rgb(profiles.gamma(1), name="GIMP built-in Linear sRGB"),
            profiles.rgb(profiles.gamma(1.8), name="sRGB"),
            profiles.rgb(profiles.gamma(2.2), name="sRGB IEC61966-2.1"),
            profiles.rgb(profiles.SRGB_CURVE, profiles.P3_COLUMNS, "Display P3 Gamut with sRGB Transfer"),
            profiles.rgb(profiles.parametric(0, 1), name="sRGB-elle-V2-g10.icc"),
            profiles.rgb(profiles.table([0, 1]), name="sRGB"),
        ],
    )
    def test_is_not_by_its_name(self, profile):
        assert not icc.parse(profile).is_srgb
        pixel, notes = converted(profile)
        assert pixel != PIXEL
        assert notes == ()

    @pytest.mark.parametrize("kind", [1, 2])
    def test_curves_with_a_threshold(self, kind):
        """One that is 0 up to there, and one that has something added: as LittleCMS reads them."""
        numbers = (2.2, 1.1, -0.1) + ((0.01,) if kind == 2 else ())
        curve = profiles.parametric(kind, *numbers)
        values = np.linspace(0, 1, 256)
        light = np.maximum(1.1 * values - 0.1, 0) ** 2.2 + (0.01 if kind == 2 else 0)
        np.testing.assert_allclose(icc._light(curve, values), light, atol=1e-4)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (profiles.rgb(profiles.gamma(1)), (128, 79, 168)),
        (profiles.rgb(profiles.SRGB_CURVE, profiles.P3_COLUMNS), (60, 17, 104)),
    ],
)
def test_known_values(profile, expected):
    assert converted(profile)[0] == pytest.approx(expected, abs=1)


class TestGrayWithAlpha:
    def files(self):
        gray = Image.new("L", SIZE, 55)
        yield by_pillow(Image.new("LA", SIZE, (55, 90)), "PNG", icc_profile=profiles.gray(1)), 90
        yield by_pillow(gray, "PNG", icc_profile=profiles.gray(1), transparency=3), 255

    def test_is_converted_by_a_gray_profile(self):
        for data, alpha in self.files():
            decoded = decode(data)
            assert decoded.frames[0][0, 0].tolist() == pytest.approx([128, 128, 128, alpha], abs=1)
            assert decoded.notes == ()

    @pytest.mark.parametrize("name", ["png", "webp", "jpeg", "avif", "tiff"])
    def test_keeps_no_gray_profile(self, name):
        for data, _ in self.files():
            decoded = decode(data, KEEP)
            assert decoded.icc_profile is None
            assert decoded.notes == (
                "gray with alpha is converted to sRGB: its colour profile is for gray alone",
            )
            assert decode(encode(decoded, name), KEEP).icc_profile is None

    def test_of_colours_that_have_a_gray_profile(self):
        for mode in ("RGB", "RGBA"):
            data = by_pillow(Image.new(mode, SIZE, (55, 55, 55)), "PNG", icc_profile=profiles.gray(1))
            for options in (DecodeOptions(), KEEP):
                decoded = decode(data, options)
                assert decoded.frames[0][0, 0, 0] == 55
                assert (decoded.icc_profile, decoded.notes) == (None, (FOR_OTHERS,))

    @pytest.mark.parametrize(
        ("pixels", "profile"),
        [(photo(), profiles.gray(1)), (photo()[..., 0], SRGB), (photo(), b"no profile")],
    )
    @pytest.mark.parametrize("name", ["png", "jpeg", "webp", "tiff"])
    def test_no_file_has_a_profile_of_other_pixels(self, pixels, profile, name):
        data = encode(Decoded((pixels,), icc_profile=profile), name)
        assert "icc_profile" not in Image.open(io.BytesIO(data)).info


class TestJpeg:
    """A profile comes in numbered parts."""

    PARTS = (SRGB[:100], SRGB[100:])

    def file(self, *parts):
        plain = by_pillow(photo(), "JPEG")
        segments = [
            struct.pack(">BBH12sBB", 0xFF, 0xE2, len(part) + 16, b"ICC_PROFILE\0", number, count) + part
            for number, count, part in parts
        ]
        return plain[:2] + b"".join(segments) + plain[2:]

    def test_whole(self):
        first, second = self.PARTS
        decoded = decode(self.file((1, 2, first), (2, 2, second)), KEEP)
        assert (decoded.icc_profile, decoded.notes) == (SRGB, ())

    @pytest.mark.parametrize(
        "parts",
        [
            [(1, 2, PARTS[0])],
            [(2, 1, SRGB)],
            [(1, 1, SRGB), (1, 1, SRGB)],
            [(1, 0, SRGB)],
            [(2, 2, PARTS[1]), (1, 2, PARTS[0])],
            [(1, 2, PARTS[0]), (2, 3, PARTS[1])],
            [(1, 1, b"")],
        ],
        ids=["missing", "no such part", "doubled", "of none", "out of order", "of two numbers", "empty"],
    )
    def test_badly_carried(self, parts):
        decoded = decode(self.file(*parts))
        assert decoded.notes == (DAMAGED,)
        assert decoded.frames[0].shape == photo().shape

    def test_behind_the_frame(self):
        data = self.file()
        at = data.index(b"\xff\xda")
        segment = b"\xff\xe2" + struct.pack(">H12sBB", 16 + 4, b"ICC_PROFILE\0", 1, 2) + b"what"
        decoded = decode(data[:at] + segment + data[at:])
        assert decoded.notes == (DAMAGED,)


@pytest.mark.skipif(not AVIF, reason="this Pillow has no AVIF")
class TestAvif:
    """Its colours are code points in a box."""

    def file(self, primaries, transfer):
        data = encode(np.full((16, 16, 3), PIXEL, np.uint8), "avif", EncodeOptions(quality=100))
        at = data.index(b"colrnclx") + 8
        return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]

    def test_of_srgb(self):
        decoded = decode(self.file(1, 13))
        assert decoded.frames[0][8, 8].tolist() == pytest.approx(PIXEL, abs=3)
        assert decoded.notes == ()

    @pytest.mark.parametrize(
        ("code_points", "expected"), [((12, 13), (60, 17, 104)), ((1, 8), (128, 79, 168))]
    )
    def test_are_converted(self, code_points, expected):
        decoded = decode(self.file(*code_points))
        assert decoded.frames[0][8, 8].tolist() == pytest.approx(expected, abs=6)
        assert decoded.notes == ()

    def test_of_high_dynamic_range(self):
        decoded = decode(self.file(9, 16))
        assert decoded.frames[0][8, 8].tolist() == pytest.approx(PIXEL, abs=3)
        assert decoded.notes == (
            "its light is PQ, of high dynamic range, and its values are left as they are",
        )

    def test_boxes_without_end(self):
        data = self.file(12, 13)
        (size,) = struct.unpack_from(">L", data, 0)
        many = data[:size] + struct.pack(">L4s", 8, b"free") * 20_000 + data[size:]
        with pytest.raises(UndecodableImageError, match="more than 2000 boxes"):
            decode(many)


class TestHostile:
    def test_many_elements(self):
        """Of bytes that they share; LittleCMS took seconds for two thousand, so it does not get them."""
        profile = profiles.many_elements(50_000)
        given = icc.parse(profile).for_conversion()
        assert len(given) == len(profile)
        assert b"D2B" in profile[:400]
        assert b"D2B" not in given[:400]
        pixel, notes = converted(profile)
        assert notes == ()
        assert pixel == converted(profiles.rgb(profiles.gamma(1.8)))[0]

    @pytest.mark.parametrize(
        "table",
        [
            struct.pack(">4s4xBBBx", b"mft1", 3, 3, 255) + bytes(36 + 3 * 256 * 2),
            struct.pack(">4s4xBBBx", b"mft2", 4, 3, 255) + bytes(100),
            struct.pack(">4s4xBBxx5L", b"mAB ", 3, 3, 0, 0, 0, 32, 0) + bytes([255] * 16 + [2, 0, 0, 0]),
            struct.pack(">4s4xBBxx5L", b"mAB ", 3, 3, 0, 0, 0, 1 << 30, 0),
            struct.pack(">4s4xBBxx5L", b"mAB ", 15, 15, 0, 0, 0, 32, 0)
            + bytes([1] * 16 + [1, 0, 0, 0] + [0] * 15),
            b"what" + bytes(40),
            b"",
        ],
    )
    def test_tables_that_are_larger_than_their_bytes(self, table):
        assert converted(profiles.rgb(profiles.gamma(1), more=[(b"A2B0", table)])) == (PIXEL, (DAMAGED,))

    def test_many_tags(self):
        profile = profiles.profile(b"RGB ", [(b"tag%d" % (number % 10), b"text") for number in range(101)])
        assert converted(profile) == (PIXEL, (DAMAGED,))

    @given(st.data())
    def test_mutated(self, data):
        """Whatever it says, it is converted or dropped."""
        sound = data.draw(st.sampled_from([SRGB, profiles.gray(2), profiles.many_elements(3)]))
        profile = bytearray(sound)
        for _ in range(data.draw(st.integers(1, 8))):
            at = data.draw(st.integers(0, len(profile) - 1))
            profile[at] = data.draw(st.integers(0, 255))
        profile = bytes(profile[: data.draw(st.integers(0, len(profile)))])
        for mode in ("L", "RGB", "RGBA", "CMYK"):
            image, _ = to_srgb(Image.new(mode, SIZE), profile)
            assert image.size == SIZE
        assert profile_fits(profile, 3) in {True, False}


def test_the_same_as_littlecms_makes_of_the_whole():
    """What is left out of a profile is what it does not use."""
    picture = Image.fromarray(photo())
    for profile in (
        profiles.rgb(profiles.gamma(1.8)),
        profiles.rgb(profiles.SRGB_CURVE, profiles.P3_COLUMNS),
    ):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        transform = ImageCms.ImageCmsTransform(
            source, srgb, "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
        image, note = to_srgb(picture, profile)
        np.testing.assert_array_equal(np.asarray(image), np.asarray(transform.apply(picture)))
        assert note is None
