# ruff: noqa: E501 - the texts of errors are one line
"""Encoding: what comes back, what each option does, and what is refused."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

import imgsvc
from imgsvc.codec import FORMATS, Decoded, DecodeOptions, EncodeOptions, decode, encode, formats
from imgsvc.errors import InvalidImageError, InvalidParameterError
from tests.codec.encoded import SRGB, exif, photo

LEVELS = "an integer from 0 to 255, the range of uint8, or one for each channel"

KEEP = DecodeOptions(depth="keep", color="keep", frames="all")
AVAILABLE = [name for name in FORMATS if formats()[name].encodes]
EXIF = exif().tobytes().removeprefix(b"Exif\0\0")


@pytest.fixture(params=["gray", "rgb", "rgba"])
def pixels(request):
    rgb = photo()
    return {"gray": rgb[..., 0], "rgb": rgb, "rgba": np.dstack([rgb, rgb[..., 0]])}[request.param]


@pytest.mark.parametrize("name", AVAILABLE)
def test_comes_back(name, pixels):
    info = formats()[name]
    options = EncodeOptions(lossless=name == "webp")
    back = decode(encode(pixels, name, options)).frames[0]
    shown = pixels if pixels.ndim == 2 or info.alpha else pixels[..., :3]
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not info.alpha:
        alpha = pixels[..., 3:] / 255
        shown = np.rint(shown * alpha + 255 * (1 - alpha)).astype(np.uint8)
    if name == "webp" and pixels.ndim == 2:
        shown = np.repeat(pixels[..., np.newaxis], 3, 2)
    assert back.shape == shown.shape
    if info.lossless:
        np.testing.assert_array_equal(back, shown)
    elif name != "gif":
        assert np.abs(back.astype(int) - shown).mean() < 3


@pytest.mark.parametrize("name", ["png", "tiff"])
def test_16_bits_come_back(name, rng):
    deep = rng.integers(0, 65536, (9, 7), dtype=np.uint16)
    np.testing.assert_array_equal(decode(encode(deep, name), KEEP).frames[0], deep)


def test_floats_come_back(rng):
    floats = rng.random((9, 7)).astype(np.float32)
    np.testing.assert_array_equal(decode(encode(floats, "tiff"), KEEP).frames[0], floats)


def test_16_bit_colour_of_png_is_what_was_given():
    colours = np.array([[[0x1234, 0x5678, 0x9ABC], [0, 0xFFFF, 1]]], np.uint16)
    with Image.open(io.BytesIO(encode(colours, "png"))) as image:
        assert np.asarray(image).tolist() == [[[0x12, 0x56, 0x9A], [0, 0xFF, 0]]]


@pytest.mark.parametrize("name", [name for name in AVAILABLE if formats()[name].animated])
def test_frames_and_durations(name):
    frames = [photo(), photo()[::-1], photo()[:, ::-1]]
    image = Decoded(tuple(frames), durations=(50, 70, 110), loop=3)
    back = decode(encode(image, name), KEEP)
    assert len(back.frames) == 3
    if name != "tiff":
        assert back.durations == (50, 70, 110)
    if name not in {"tiff", "avif"}:
        assert back.loop == 3
    for frame, expected in zip(back.frames, frames, strict=True):
        assert np.abs(frame[..., :3].astype(int) - expected).mean() < 20


@pytest.mark.parametrize("name", ["jpeg", "bmp"])
def test_formats_of_one_frame(name):
    with pytest.raises(InvalidImageError) as caught:
        encode([photo(), photo()], name)
    assert str(caught.value) == f"image: 2 frames, expected one: {name} holds no more"


class TestMetadata:
    @pytest.mark.parametrize("name", [name for name in ("jpeg", "png", "webp") if name in AVAILABLE])
    def test_is_kept_or_stripped(self, name):
        image = Decoded((photo(),), exif=EXIF, icc_profile=SRGB)
        kept = decode(encode(image, name, EncodeOptions(metadata="keep")), KEEP)
        assert (kept.exif, kept.icc_profile) == (EXIF, SRGB)
        stripped = decode(encode(image, name), KEEP)
        assert (stripped.exif, stripped.icc_profile) == (None, SRGB)

    def test_pillow_reads_what_is_written(self):
        image = Decoded((photo(),), exif=EXIF, icc_profile=SRGB)
        for name in ("jpeg", "png"):
            with Image.open(io.BytesIO(encode(image, name, EncodeOptions(metadata="keep")))) as opened:
                assert opened.info["icc_profile"] == SRGB
                assert opened.getexif()[0x010E] == exif()[0x010E]

    def test_a_profile_of_several_segments(self):
        profile = SRGB + bytes(range(256)) * 600
        image = Decoded((photo(),), icc_profile=profile)
        assert decode(encode(image, "jpeg"), KEEP).icc_profile == profile

    def test_damaged_exif_is_left_out(self):
        image = Decoded((photo(),), exif=EXIF[:20])
        for name in AVAILABLE:
            assert decode(encode(image, name, EncodeOptions(metadata="keep"))).exif is None


class TestOptions:
    @pytest.mark.parametrize("name", [name for name in AVAILABLE if formats()[name].qualities])
    def test_quality(self, name):
        sizes = [len(encode(photo(), name, EncodeOptions(quality=quality))) for quality in (10, 50, 95)]
        assert sizes == sorted(set(sizes))

    @pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "tiff"])
    def test_effort(self, name):
        if name not in AVAILABLE:
            pytest.skip(f"this Pillow has no {name}")
        smooth = photo(200, 200) // 16 * 16
        fast, small = (len(encode(smooth, name, EncodeOptions(effort=effort))) for effort in (0, 9))
        assert small < fast

    def test_effort_with_16_bits(self):
        pixels = photo(120, 160).astype(np.uint16) * 257
        quick, small = (encode(pixels, "png", EncodeOptions(effort=effort)) for effort in (0, 9))
        assert len(small) < 0.8 * len(quick)
        np.testing.assert_array_equal(decode(small, KEEP).frames[0], pixels)

    def test_progressive(self):
        for progressive in (False, True):
            data = encode(photo(), "jpeg", EncodeOptions(progressive=progressive))
            assert (b"\xff\xc2" in data) == progressive

    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"effort": 9}], ids=str)
    @pytest.mark.parametrize(
        ("subsampling", "factors"),
        [("4:4:4", (1, 1)), ("4:2:2", (2, 1)), ("4:2:0", (2, 2)), (None, (2, 2))],
    )
    def test_subsampling(self, options, subsampling, factors):
        data = encode(photo(), "jpeg", EncodeOptions(subsampling=subsampling, **options))
        with Image.open(io.BytesIO(data)) as image:
            assert [layer[1:3] for layer in image.layer] == [factors, (1, 1), (1, 1)]

    def test_subsampling_of_gray(self):
        gray = photo()[..., 0]
        assert encode(gray, "jpeg", EncodeOptions(subsampling="4:4:4")) == encode(gray, "jpeg")

    def test_aliases(self):
        assert encode(photo(), "jpg") == encode(photo(), "jpeg")
        assert encode(photo(), "tif") == encode(photo(), "tiff")

    def test_background(self):
        clear = np.zeros((4, 4, 4), np.uint8)
        for background, expected in (
            ((255, 255, 255), [255] * 3), ([10, 200, 30], [10, 200, 30]), (7, [7] * 3), ("#fa0", [255, 170, 0]),
            ("orange", [255, 165, 0]), ("#01020380", [1, 2, 3]),
        ):  # fmt: skip
            data = encode(clear, "bmp", EncodeOptions(background=background))
            assert decode(data).frames[0][0, 0].tolist() == expected

    def test_alpha_is_rounded_to_the_nearest(self):
        values = np.array(list(itertools.product(range(0, 256, 5), repeat=2)), np.uint8)
        rgba = np.stack([values[:, 0]] * 3 + [values[:, 1]], -1)[np.newaxis]
        data = encode(rgba, "bmp", EncodeOptions(background=(7, 99, 255)))
        alpha = rgba[..., 3:] / 255
        expected = np.rint(rgba[..., :3] * alpha + np.array([7, 99, 255]) * (1 - alpha))
        np.testing.assert_array_equal(decode(data).frames[0], expected)
        np.testing.assert_array_equal(imgsvc.flatten(rgba, (7, 99, 255)), expected)

    @pytest.mark.parametrize("name", [name for name in AVAILABLE if formats()[name].qualities])
    def test_max_bytes(self, name):
        largest = len(encode(photo(), name, EncodeOptions(quality=90)))
        most = largest * 2 // 3
        data = encode(photo(), name, EncodeOptions(quality=90, max_bytes=most))
        assert most // 2 < len(data) <= most
        assert encode(photo(), name, EncodeOptions(quality=90, max_bytes=largest)) == encode(
            photo(), name, EncodeOptions(quality=90)
        )

    @pytest.mark.parametrize("name", ["jpeg", "png"])
    def test_max_bytes_that_cannot_be(self, name):
        smallest = len(encode(photo(), name, EncodeOptions(quality=1) if name == "jpeg" else None))
        with pytest.raises(InvalidParameterError) as caught:
            encode(photo(), name, EncodeOptions(max_bytes=100))
        assert str(caught.value) == (
            f"options.max_bytes: 100, expected at least {smallest}: the smallest {name} file of this image"
        )

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"quality": 0}, "options.quality: 0, expected an integer from 1 to 100"),
            ({"quality": "90"}, "options.quality: '90', expected an integer from 1 to 100"),
            ({"effort": 10}, "options.effort: 10, expected an integer from 0 to 9"),
            ({"max_bytes": 0}, "options.max_bytes: 0, expected an integer from 1 to 1099511627776"),
            ({"lossless": None}, "options.lossless: None, expected True or False"),
            ({"progressive": 1}, "options.progressive: 1, expected True or False"),
            (
                {"subsampling": "4:1:1"},
                "options.subsampling: '4:1:1', expected one of '4:4:4', '4:2:2', '4:2:0'",
            ),
            ({"metadata": "all"}, "options.metadata: 'all', expected one of 'strip', 'keep', 'copyright'"),
            (
                {"background": (3, 4)},
                "options.background: (3, 4), expected one level, or 3: red, green, blue",
            ),
            (
                {"background": (0, 0, 256)},
                f"options.background: 256, expected {LEVELS}",
            ),
        ],
    )
    def test_that_are_wrong(self, options, text):
        with pytest.raises(InvalidParameterError) as caught:
            EncodeOptions(**options)
        assert str(caught.value) == text

    @pytest.mark.parametrize(
        ("name", "options", "text"),
        [
            ("bmp", {"quality": 5}, "options.quality: 5, expected none for bmp, which has no quality"),
            ("gif", {"lossless": True}, "options.lossless: set, expected none for gif, which is not lossless"),
            ("png", {"progressive": True}, "options.progressive: set, expected none for png: only jpeg is written so"),
            ("webp", {"subsampling": "4:2:0"}, "options.subsampling: '4:2:0', expected none for webp: only jpeg is written so"),
            ("bmp", {"effort": 5}, "options.effort: 5, expected none for bmp, which knows one way"),
            ("webp", {"quality": 5, "lossless": True}, "options.quality: 5, expected none where lossless is set"),
        ],
    )  # fmt: skip
    def test_that_a_format_does_not_have(self, name, options, text):
        with pytest.raises(InvalidParameterError) as caught:
            encode(photo(), name, EncodeOptions(**options))
        assert str(caught.value) == text


@pytest.mark.parametrize(
    ("image", "name", "text"),
    [
        (np.zeros((0, 5), np.uint8), "png", "image.shape: (0, 5), expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"),
        (np.zeros((2, 2), np.uint16), "jpeg", "image.dtype: gray uint16, expected uint8 for jpeg"),
        (np.zeros((2, 2, 3), np.float32), "tiff", "image.dtype: RGB float32, expected uint8, uint16 or gray float32 for tiff"),
        (np.zeros((1, 16384), np.uint8), "webp", "image: 16384×1 pixels, expected at most 16383 a side, which webp can hold"),
        ([], "gif", "image: no frames, expected at least one"),
        (["a"], "gif", "image: str, expected a NumPy array"),
        ([np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)], "gif", "image[1].shape: (2, 3), expected 2×2 pixels, as the first frame has"),
    ],
)  # fmt: skip
def test_images_that_are_refused(image, name, text):
    with pytest.raises(InvalidImageError) as caught:
        encode(image, name)
    assert str(caught.value) == text


def test_an_unknown_format():
    with pytest.raises(InvalidParameterError) as caught:
        encode(photo(), "heic")
    assert str(caught.value) == (
        "format: 'heic', expected one of 'jpeg', 'png', 'webp', 'avif', 'tiff', 'gif', 'bmp'"
    )


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        (
            [np.zeros((4, 4, 4), np.uint16), np.zeros((4, 4, 4), np.uint8)],
            "image[1]: RGBA uint8, expected RGBA uint16, as the first frame has",
        ),
        (
            [np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.float32)],
            "image[1]: gray float32, expected gray uint8, as the first frame has",
        ),
        (
            [np.zeros((4, 4, 4), np.uint16), np.zeros((4, 4), np.uint16)],
            "image[1]: gray uint16, expected RGBA uint16, as the first frame has",
        ),
    ],
)
def test_frames_of_several_depths(frames, error):
    with pytest.raises(InvalidImageError) as caught:
        encode(frames, "tiff")
    assert str(caught.value) == error
