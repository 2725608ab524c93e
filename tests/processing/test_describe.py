"""imgsvc.describe: what an image is."""

import dataclasses
import doctest
import io
import json

import numpy as np
import pytest
from PIL import Image as PillowImage

import imgsvc
from imgsvc._stop import Stop
from imgsvc.codec import CameraData, decode, formats
from imgsvc.errors import (
    ImageReadError,
    InvalidImageError,
    InvalidParameterError,
    LimitExceededError,
    StoppedError,
    UndecodableImageError,
)
from imgsvc.processing.given import read_given
from imgsvc.recipes.description import describe_source
from tests import v1
from tests.codec import profiles, secretive
from tests.codec.secretive import SECRETS
from tests.processing.given_images import ways

KINDS = [kind for kind in ("jpeg", "png", "webp", "avif", "tiff") if formats()[kind].encodes]


class TestFiles:
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_each_format(self, kind):
        described = imgsvc.describe(secretive.photo(kind))
        assert described.format == kind
        assert (described.width, described.height) == (40, 30), "upright"
        assert (described.channels, described.bits, described.frames) == (3, 8, 1)
        assert described.orientation == 6
        assert described.icc_profile is None
        assert all(abs(a - b) <= 8 for a, b in zip(described.average_color, (200, 100, 50), strict=True))
        assert described.dominant_colors[0].per_mille == 1000
        assert [sum(counts) for counts in described.histogram] == [1200] * 3

    @pytest.mark.parametrize("kind", KINDS)
    def test_nothing_is_told_that_is_not_on_the_list(self, kind):
        data = secretive.photo(kind)
        for gps in (False, True):
            described = imgsvc.describe(data, gps=gps)
            told = json.dumps(dataclasses.asdict(described), ensure_ascii=False) + repr(described)
            assert not [secret for secret in SECRETS.values() if secret in told]
            assert "THUMBNAIL" not in told
            assert described.camera.model == "Model X"
            assert described.camera.lens == "Lens 50mm"
            assert set(dataclasses.asdict(described.camera)) == {
                "date", "make", "model", "lens", "exposure_time", "f_number", "iso", "focal_length", "dpi",
                "copyright",
            }  # fmt: skip

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_place_is_told_on_request(self, kind):
        data = secretive.photo(kind)
        assert imgsvc.describe(data).gps is None
        assert imgsvc.describe(data, gps=True).gps == imgsvc.codec.GpsPosition(-33.8601, 151.215, -12.5)

    def test_profiles_and_depths(self, photo):
        named = v1.encoded(photo, "PNG", icc_profile=profiles.rgb(profiles.gamma(1.8), name="Wide Colours"))
        assert imgsvc.describe(named).icc_profile == "Wide Colours"
        unnamed = profiles.profile(b"RGB ", [(b"wtpt", profiles.xyz(profiles.D50))])
        assert imgsvc.describe(v1.encoded(photo, "PNG", icc_profile=unnamed)).icc_profile == "unnamed"
        deep = imgsvc.describe(v1.encoded(np.array([[0, 257, 65535]], np.uint16)))
        assert (deep.bits, deep.channels) == (16, 1)
        assert [value for value, count in enumerate(deep.histogram[0]) if count] == [0, 1, 255]

    def test_frames(self):
        stream = io.BytesIO()
        frames = [PillowImage.new("RGB", (5, 4), color) for color in ("red", "lime", "blue")]
        frames[0].save(stream, "png", save_all=True, append_images=frames[1:])
        described = imgsvc.describe(stream.getvalue())
        assert described.frames == 3
        assert described.average_color == (255, 0, 0)

    def test_errors(self, photo):
        with pytest.raises(UndecodableImageError, match="ends too early"):
            imgsvc.describe(v1.encoded(photo)[:200])
        with pytest.raises(ImageReadError, match=r"^none.png: no such file$"):
            imgsvc.describe("none.png")
        with pytest.raises(LimitExceededError, match="^image: 6208 pixels .*, expected at most 6000$"):
            imgsvc.describe(v1.encoded(photo), limits=imgsvc.Limits(pixels=6000))
        with pytest.raises(LimitExceededError, match="^image: 6208 pixels .*, expected at most 6000$"):
            imgsvc.describe(photo, limits=imgsvc.Limits(pixels=6000))
        long = np.zeros((5_000_000, 1), np.uint8)
        for image in (long, v1.encoded(long)):
            with pytest.raises(InvalidImageError) as caught:
                imgsvc.describe(image)
            expected = "image: an image of 1×5000000, expected sides of at most 4194176"
            assert (type(caught.value), str(caught.value)) == (InvalidImageError, expected)
        with pytest.raises(LimitExceededError, match="^image: 18624 bytes of decoded pixels"):
            imgsvc.describe(v1.encoded(photo), limits=imgsvc.Limits(decode_bytes=18623))
        assert imgsvc.describe(photo, limits=imgsvc.Limits(operations=1)).width == 64
        with pytest.raises(InvalidParameterError, match="^gps: 1, expected True or False$"):
            imgsvc.describe(photo, gps=1)
        with pytest.raises(InvalidParameterError, match="^limits: 5, expected imgsvc.Limits$"):
            imgsvc.describe(photo, limits=5)
        with pytest.raises(InvalidImageError, match="^image: NoneType, expected an array, an image file's"):
            imgsvc.describe(None)


class TestPixels:
    def test_every_way_to_give_an_image(self, photo, tmp_path):
        expected = imgsvc.describe(photo)
        with ways(photo, tmp_path) as given:
            for name, image in given.items():
                described = imgsvc.describe(image)
                assert dataclasses.replace(described, format="raw") == expected, name

    @pytest.mark.parametrize(("dtype", "bits"), [("uint16", 16), ("float32", 32)])
    def test_deep_ones(self, photo, dtype, bits):
        described = imgsvc.describe(imgsvc.convert(photo, dtype))
        assert described.bits == bits
        assert dataclasses.replace(described, bits=8) == imgsvc.describe(photo)

    def test_shapes(self, photo):
        assert imgsvc.describe(photo[..., :1]) == imgsvc.describe(photo[..., 0])
        clear = np.zeros((3, 4, 4), np.uint8)
        described = imgsvc.describe(clear)
        assert described.average_color is None
        assert described.dominant_colors == ()
        assert described.camera == CameraData()


class TestStopping:
    @pytest.mark.parametrize("kind", ["png", "raw"])
    def test_it_ends_where_it_is_told_to(self, photo, kind):
        source = read_given(photo if kind == "raw" else v1.encoded(photo)).source
        if kind == "raw":
            source = dataclasses.replace(source, pixels=photo)
        stop = Stop()
        stop.cancel()
        with pytest.raises(StoppedError):
            describe_source(source, imgsvc.Limits(), gps=False, stop=stop)

    def test_another_decodes(self, photo):
        asked = []

        def decoder(data, options, limits, *, header):
            asked.append(header.format)
            return decode(data, options, limits, header=header)

        data = v1.encoded(photo)
        source = read_given(data).source
        described = describe_source(source, imgsvc.Limits(), gps=False, decoder=decoder)
        assert described == imgsvc.describe(data)
        assert asked == ["png"]


def test_the_example_in_the_docstring():
    (test,) = doctest.DocTestFinder(recurse=False).find(imgsvc.describe, "describe", globs={})
    assert doctest.DocTestRunner().run(test) == (0, 3)
