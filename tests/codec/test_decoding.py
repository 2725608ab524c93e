"""Decoding: the pixels, what is said of them, and what is told of what was lost."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from imgsvc.codec import Decoded, DecodeLimits, DecodeOptions, decode, encode, formats, read_header
from imgsvc.errors import InvalidParameterError, UnsupportedFormatError
from tests.codec import profiles
from tests.codec.encoded import by_pillow, by_pillow_decoded, every_kind, exif, photo, png

KEEP = DecodeOptions(depth="keep", color="keep")
FILES = every_kind()


def turned_back(pixels, orientation):
    return {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1], 5: pixels.swapaxes(0, 1),
        6: np.rot90(pixels, -1), 7: np.rot90(pixels, 2).swapaxes(0, 1), 8: np.rot90(pixels),
    }[orientation]  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_the_header_says_what_decoding_gives(kind):
    header = read_header(FILES[kind])
    decoded = decode(FILES[kind])
    assert header.format == decoded.format == kind.split()[0]
    assert decoded.frames[0].shape == header.shape
    assert decoded.frames[0].dtype == np.uint8
    assert decoded.frames[0].flags.c_contiguous


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind.split()[-1] in {"animated", "pages"}])
def test_all_frames(kind):
    header = read_header(FILES[kind])
    decoded = decode(FILES[kind], DecodeOptions(frames="all"))
    assert header.frames == len(decoded.frames) == 2
    assert {frame.shape for frame in decoded.frames} == {header.shape}
    assert decoded.durations == ((0, 0) if "tiff" in kind else (70, 70))
    assert decode(FILES[kind]).notes == ("only the first frame is used",)
    difference = decoded.frames[1][::-1, ::-1].astype(int) - decoded.frames[0]
    assert np.abs(difference).mean() <= (0 if kind.split()[0] in {"png", "tiff"} else 25)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "I;16"])
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_modes_of_lossless_formats(mode, name):
    image = Image.fromarray(np.dstack([photo(), photo()[..., 0]]))
    if mode == "I;16":
        image = Image.fromarray(photo()[..., 0].astype(np.uint16) * 257)
    else:
        image = image.convert("RGB" if mode == "P" else mode).convert(mode)
    expected = {"LA": "RGBA", "P": "RGB", "1": "L"}.get(mode, mode)
    decoded = decode(by_pillow(image, name), KEEP)
    np.testing.assert_array_equal(decoded.frames[0], np.asarray(image.convert(expected)))
    assert decoded.notes == ()


def test_16_bits_are_rounded_unless_kept():
    values = np.array([[0, 128, 129, 257, 32767, 65535]], np.uint16)
    for name in ("PNG", "TIFF"):
        data = by_pillow(values, name)
        rounded = decode(data)
        assert rounded.frames[0].tolist() == [[0, 0, 1, 1, 127, 255]]
        assert rounded.notes == ("16 bits are rounded to 8: the values were 0 to 65535 of 65535",)
        kept = decode(data, KEEP)
        assert kept.frames[0].dtype == np.uint16
        np.testing.assert_array_equal(kept.frames[0], values)
        assert read_header(data).bits == 16


def test_floats_of_tiff():
    values = np.array([[-1, 0, 0.25, 1, 7, np.nan]], np.float32)
    data = by_pillow(values, "TIFF")
    np.testing.assert_array_equal(decode(data, KEEP).frames[0], values)
    assert decode(data).frames[0].tolist() == [[0, 0, 64, 255, 255, 0]]
    assert decode(data).notes == ("floats from 0 to 1 are rounded to 8 bits",)
    assert read_header(data).bits == 32


def test_32_bit_integers_are_not_served():
    with pytest.raises(UnsupportedFormatError) as caught:
        decode(by_pillow(np.ones((2, 2), np.int32), "TIFF"))
    assert str(caught.value) == (
        "image: a TIFF of 32-bit signed or wide integer gray pixels, "
        "expected an image with 8 or 16 unsigned bits a channel, or floats"
    )


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_is_cut_with_a_note_unless_kept(rng, channels):
    colours = rng.integers(0, 65536, (5, 7, channels), dtype=np.uint16)
    data = encode(colours, "png")
    assert read_header(data).bits == 16
    cut = decode(data)
    np.testing.assert_array_equal(cut.frames[0], colours >> 8)
    assert cut.notes == ("16 bits a channel are cut to 8",)
    kept = decode(data, KEEP)
    np.testing.assert_array_equal(kept.frames[0], colours)
    assert kept.notes == ()


def test_16_bit_colour_that_is_interlaced_and_on_its_side():
    # Of the seven passes over two pixels side by side the first has the one, and the sixth the other.
    rows = [bytes([0, 1, 2, 3, 4, 5, 6]), bytes([0, 7, 8, 9, 10, 11, 12])]
    data = png((2, 1, 16, 2, 1), rows, (b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0")))
    assert decode(data, KEEP).frames[0].tolist() == [[[0x102, 0x304, 0x506]], [[0x708, 0x90A, 0xB0C]]]


def test_16_bit_gray_with_alpha_is_cut_with_a_note():
    decoded = decode(png((1, 1, 16, 4, 0), [bytes([0, 100, 7, 200, 9])]), KEEP)
    assert decoded.frames[0].tolist() == [[[100, 100, 100, 200]]]
    assert decoded.notes == ("16 bits a channel are cut to 8",)


def test_cmyk_becomes_rgb_with_a_note():
    decoded = decode(by_pillow(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG"))
    assert np.abs(decoded.frames[0][8, 8].astype(int) - (0, 255, 255)).max() <= 2
    assert decoded.notes == ("CMYK is converted to RGB",)


class TestJpeg:
    @pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"keep_rgb": True}])
    def test_the_same_as_pillow(self, options):
        data = by_pillow(photo(101, 99), "JPEG", quality=92, **options)
        difference = decode(data).frames[0].astype(int) - by_pillow_decoded(data)
        assert np.abs(difference).max() <= 2

    @pytest.mark.parametrize(
        ("least", "scale", "shape"),
        [
            ((100, 50), 8, (50, 100, 3)),
            ((101, 50), 4, (100, 200, 3)),
            ((1, 101), 2, (200, 400, 3)),
            ((401, 1), 1, (400, 800, 3)),
            ((9999, 1), 1, (400, 800, 3)),
        ],
    )
    def test_shrinks_on_load(self, least, scale, shape):
        data = by_pillow(photo(400, 800), "JPEG")
        decoded = decode(data, at_least=least)
        assert (decoded.scale, decoded.frames[0].shape) == (scale, shape)
        means = np.asarray(Image.fromarray(decode(data).frames[0]).reduce(scale))
        assert np.abs(decoded.frames[0].astype(int) - means).mean() < 1
        assert decode(data, DecodeOptions(shrink_on_load=False), at_least=least).scale == 1

    def test_shrinks_upright(self):
        data = by_pillow(photo(400, 800), "JPEG", exif=exif(6))
        assert decode(data, at_least=(50, 100)).frames[0].shape == (100, 50, 3)
        assert decode(data, at_least=(100, 50)).frames[0].shape == (200, 100, 3)

    def test_the_first_of_several_pictures(self):
        data = by_pillow(photo(), "MPO", save_all=True, append_images=[Image.fromarray(photo())])
        assert decode(data).frames[0].shape == (40, 60, 3)


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["rgb", "gray", "deep"])
    def test_is_applied(self, orientation, kind):
        gray = photo()[..., 0]
        pixels = {"rgb": photo(), "gray": gray, "deep": gray.astype(np.uint16) * 255}[kind]
        data = by_pillow(pixels, "PNG", exif=exif(orientation))
        upright = turned_back(pixels, orientation)
        decoded = decode(data, KEEP)
        np.testing.assert_array_equal(decoded.frames[0], upright)
        assert decoded.frames[0].flags.c_contiguous
        header = read_header(data)
        assert (header.height, header.width) == upright.shape[:2]
        assert header.orientation == orientation
        kept = Image.Exif()
        kept.load(decoded.exif)
        assert kept[0x0112] == 1
        assert kept[0x010E] == exif()[0x010E]

    @pytest.mark.parametrize("name", ["JPEG", "WEBP", "TIFF", "AVIF"])
    def test_of_every_format(self, name):
        if not formats()[name.lower()].decodes:
            pytest.skip(f"this Pillow has no {name}")
        data = by_pillow(photo(), name, exif=exif(6))
        assert read_header(data).shape == (60, 40, 3)
        assert decode(data).frames[0].shape == (60, 40, 3)

    def test_can_be_left(self):
        data = by_pillow(photo(), "PNG", exif=exif(6))
        decoded = decode(data, DecodeOptions(auto_orient=False))
        np.testing.assert_array_equal(decoded.frames[0], photo())
        kept = Image.Exif()
        kept.load(decoded.exif)
        assert kept[0x0112] == 6


class TestColour:
    # A profile whose red is what sRGB calls green shows at once.
    LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()

    def swapped(self):
        """Return the profile of sRGB with red and green exchanged."""
        data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        red, green = data.index(b"rXYZ"), data.index(b"gXYZ")
        data[red], data[green] = ord("g"), ord("r")
        return bytes(data).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))

    def test_is_converted(self):
        data = by_pillow(photo(), "PNG", icc_profile=self.swapped())
        decoded = decode(data)
        assert np.abs(decoded.frames[0].astype(int) - photo()[..., [1, 0, 2]]).max() <= 2
        assert decoded.icc_profile is None
        assert decoded.notes == ()
        assert read_header(data).has_icc

    def test_is_converted_in_jpeg(self):
        data = by_pillow(photo(), "JPEG", icc_profile=self.swapped())
        plain = by_pillow_decoded(data)
        assert np.abs(decode(data).frames[0].astype(int) - plain[..., [1, 0, 2]]).max() <= 3

    def test_of_16_bits_rounded_to_8_is_converted(self):
        curve = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        data = by_pillow(photo()[..., 0].astype(np.uint16) * 257, "PNG", icc_profile=curve.tobytes())
        decoded = decode(data)
        assert decoded.notes[-1] == "its colour profile is for other colours and is dropped"
        assert decoded.icc_profile is None

    @pytest.mark.parametrize("channels", [1, 3])
    def test_of_16_bits_that_are_kept_stays_with_them(self, rng, channels):
        pixels = rng.integers(0, 65536, (4, 5, channels), np.uint16).squeeze()
        profile = self.swapped() if channels == 3 else profiles.gray(1.8)
        data = encode(Decoded((pixels,), icc_profile=profile), "png")
        decoded = decode(data, DecodeOptions(depth="keep"))
        np.testing.assert_array_equal(decoded.frames[0], pixels)
        assert decoded.icc_profile == profile
        assert decoded.notes == (
            "colours of more than 8 bits are left as they are, and the colour profile goes with them",
        )

    @pytest.mark.parametrize("name", ["gif", "bmp"])
    def test_is_converted_for_formats_that_hold_no_profile(self, name):
        pixels = np.full((16, 16, 3), (200, 30, 60), np.uint8)
        written = decode(encode(Decoded((pixels,), icc_profile=self.swapped()), name)).frames[0]
        assert np.abs(written[8, 8].astype(int) - (30, 200, 60)).max() <= 2

    def test_is_kept(self):
        data = by_pillow(photo(), "PNG", icc_profile=self.swapped())
        decoded = decode(data, DecodeOptions(color="keep"))
        np.testing.assert_array_equal(decoded.frames[0], photo())
        assert decoded.icc_profile == self.swapped()
        assert decode(encode(decoded, "jpeg"), KEEP).icc_profile == self.swapped()

    @pytest.mark.parametrize(
        ("profile", "note"),
        [
            (b"no profile", "its colour profile is damaged and is dropped"),
            (LAB, "its colour profile is for other colours and is dropped"),
        ],
    )
    def test_that_cannot_be_is_dropped_with_a_note(self, profile, note):
        decoded = decode(by_pillow(photo(), "PNG", icc_profile=profile))
        np.testing.assert_array_equal(decoded.frames[0], photo())
        assert decoded.notes == (note,)


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp"])
def test_the_header_of_a_beginning(kind):
    data = by_pillow(photo(300, 400), kind.upper())
    assert read_header(data[: len(data) // 2]) == read_header(data)


@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_kinds_of_bytes(convert):
    data = by_pillow(photo(), "PNG")
    np.testing.assert_array_equal(decode(convert(data)).frames[0], photo())


def test_formats_that_are_served():
    info = formats()["png"]
    assert (info.name, info.media_type, info.extensions[0]) == ("png", "image/png", ".png")
    assert (info.animated, info.deep, info.alpha, info.lossless) == (True, True, True, True)
    for info in formats().values():
        assert info.encodes == (info.name.upper() in Image.SAVE)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"depth": "16"}, "options.depth: '16', expected one of '8', 'keep'"),
        ({"color": "rgb"}, "options.color: 'rgb', expected one of 'srgb', 'keep'"),
        ({"frames": 3}, "options.frames: 3, expected one of 'first', 'all'"),
        ({"auto_orient": 1}, "options.auto_orient: 1, expected True or False"),
    ],
)
def test_wrong_options(options, text):
    with pytest.raises(InvalidParameterError) as caught:
        DecodeOptions(**options)
    assert str(caught.value) == text


def test_wrong_limits():
    with pytest.raises(InvalidParameterError) as caught:
        DecodeLimits(pixels=0)
    assert str(caught.value) == "limits.pixels: 0, expected an integer from 1 to 281474976710656"


def test_decoding_leaves_pillows_settings_alone():
    before = Image.MAX_IMAGE_PIXELS
    decode(by_pillow(photo(), "PNG"))
    assert before == Image.MAX_IMAGE_PIXELS
    with Image.open(io.BytesIO(by_pillow(photo(), "PPM"))) as image:
        assert image.format == "PPM"
