"""PNG with palettes."""

import io

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import EncodeOptions, decode, encode
from imgsvc.codec.palette import indexed
from imgsvc.errors import InvalidParameterError
from tests.codec import profiles
from tests.codec.encoded import SRGB, by_pillow, photo

PALETTE = EncodeOptions(palette=True)


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def of_colours(rng, count, channels, size=(37, 41)):
    colours = rng.integers(0, 256, (count, channels), np.uint8)
    return colours[rng.integers(0, count, size)]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17, 200])
def test_few_colours_are_exact_in_as_few_bits_as_do(rng, count, channels):
    image = (
        of_colours(rng, count, channels).squeeze(-1) if channels == 1 else of_colours(rng, count, channels)
    )
    data = encode(image, "png", PALETTE)
    depth, kind = data[24], data[25]
    distinct = len(np.unique(image.reshape(-1, channels), axis=0))
    assert (kind, depth) == (3, next(bits for bits in (1, 2, 4, 8) if distinct <= 1 << bits))
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    np.testing.assert_array_equal(np.asarray(opened(data).convert(mode)), image)


def test_a_drawing_comes_out_as_small_as_it_came_in(rng):
    drawing = np.kron(of_colours(rng, 16, 3, (20, 30)), np.ones((10, 10, 1), np.uint8))
    file = by_pillow(Image.fromarray(drawing).quantize(16), "PNG", optimize=True)
    again = encode(decode(file), "png", PALETTE)
    assert len(again) < 1.2 * len(file) < len(encode(decode(file), "png"))
    np.testing.assert_array_equal(decode(again).frames[0], drawing)


@pytest.mark.parametrize("channels", [3, 4])
def test_of_many_colours_the_best_are_found(channels):
    image = photo(200, 300)
    if channels == 4:
        image = np.dstack([image, np.linspace(0, 255, 300).astype(np.uint8)[None].repeat(200, 0)])
    found = np.asarray(opened(encode(image, "png", PALETTE)).convert("RGBA"))[..., :channels]
    assert np.abs(found.astype(int) - image).mean() < 12
    assert len(np.unique(found.reshape(-1, channels), axis=0)) <= 256


def test_only_transparent_colours_are_written_with_alpha(rng):
    image = np.full((8, 8, 4), 255, np.uint8)
    image[0, 0] = 10, 20, 30, 0
    image[:, 4] = 1, 2, 3, 255
    data = encode(image, "png", PALETTE)
    assert data[data.index(b"tRNS") - 1] == 1
    assert indexed(image).colours[0].tolist() == [10, 20, 30, 0]


def test_profiles_are_kept_where_they_fit(rng):
    image = of_colours(rng, 5, 3)
    decoded = decode(by_pillow(image, "PNG", icc_profile=SRGB))
    kept = type(decoded)(decoded.frames, icc_profile=profiles.rgb(profiles.gamma(1.8)))
    assert opened(encode(kept, "png", PALETTE)).info["icc_profile"] == kept.icc_profile
    gray = type(decoded)((image[..., 0],), icc_profile=profiles.gray(1.0))
    data = encode(gray, "png", PALETTE)
    assert "icc_profile" not in opened(data).info
    converted = np.asarray(opened(data).convert("L"))
    assert (converted >= image[..., 0]).all()
    assert (converted > image[..., 0]).any()  # linear values are lighter in sRGB


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (np.zeros((4, 4, 3), np.uint8), "webp", "none for webp: only png is written so"),
        (np.zeros((4, 4, 3), np.uint16), "png", "none for uint16 pixels"),
        ([np.zeros((4, 4, 3), np.uint8)] * 2, "png", "none for 2 frames"),
    ],
)
def test_what_has_none(image, kind, expected):
    with pytest.raises(InvalidParameterError, match=f"options.palette: set, expected {expected}"):
        encode(image, kind, PALETTE)
