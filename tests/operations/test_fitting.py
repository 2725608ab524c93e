"""Fits: sizes beside a formula in fractions and beside Pillow, and pixels beside resize, crop and pad.

The cases beside sharp are in ``tests/interop/test_sharp.py``.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageOps

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import Crop, Resize
from imgsvc.operations.fitting import FITS, POSITIONS, fitted

sides = st.integers(1, 400)
sizes = st.tuples(sides, sides)
fractions = st.floats(0, 1)
positions = st.sampled_from(list(POSITIONS)) | st.tuples(fractions, fractions)

# Source and what is asked for, as width × height; fit, whether it may grow; then the size that the image
# gets, where that is in the result, and the size of the result.
CASES = [
    ((600, 400), (300, 300), "fill", True, (300, 300), (0, 0), (300, 300)),
    ((600, 400), (300, 300), "inside", True, (300, 200), (0, 0), (300, 200)),
    ((600, 400), (300, 300), "outside", True, (450, 300), (0, 0), (450, 300)),
    ((600, 400), (300, 300), "cover", True, (450, 300), (-75, 0), (300, 300)),
    ((600, 400), (300, 300), "contain", True, (300, 200), (0, 50), (300, 300)),
    ((400, 600), (300, 300), "inside", True, (200, 300), (0, 0), (200, 300)),
    ((400, 600), (300, 300), "outside", True, (300, 450), (0, 0), (300, 450)),
    ((400, 600), (300, 300), "cover", True, (300, 450), (0, -75), (300, 300)),
    ((400, 600), (300, 300), "contain", True, (200, 300), (50, 0), (300, 300)),
    # One of the same ratio is neither cut nor framed.
    ((600, 400), (300, 200), "inside", True, (300, 200), (0, 0), (300, 200)),
    ((600, 400), (300, 200), "outside", True, (300, 200), (0, 0), (300, 200)),
    ((600, 400), (300, 200), "cover", True, (300, 200), (0, 0), (300, 200)),
    ((600, 400), (300, 200), "contain", True, (300, 200), (0, 0), (300, 200)),
    # Smaller than what is asked for.
    ((100, 50), (300, 300), "fill", True, (300, 300), (0, 0), (300, 300)),
    ((100, 50), (300, 300), "inside", True, (300, 150), (0, 0), (300, 150)),
    ((100, 50), (300, 300), "outside", True, (600, 300), (0, 0), (600, 300)),
    ((100, 50), (300, 300), "cover", True, (600, 300), (-150, 0), (300, 300)),
    ((100, 50), (300, 300), "contain", True, (300, 150), (0, 75), (300, 300)),
    ((100, 50), (300, 300), "fill", False, (100, 50), (0, 0), (100, 50)),
    ((100, 50), (300, 300), "inside", False, (100, 50), (0, 0), (100, 50)),
    ((100, 50), (300, 300), "outside", False, (100, 50), (0, 0), (100, 50)),
    ((100, 50), (300, 300), "cover", False, (100, 50), (-25, 0), (50, 50)),
    ((100, 50), (300, 300), "contain", False, (100, 50), (100, 125), (300, 300)),
    # Smaller in one side.
    ((1000, 50), (300, 300), "fill", False, (300, 50), (0, 0), (300, 50)),
    ((1000, 50), (300, 300), "inside", False, (300, 15), (0, 0), (300, 15)),
    ((1000, 50), (300, 300), "outside", False, (1000, 50), (0, 0), (1000, 50)),
    ((1000, 50), (300, 300), "cover", False, (1000, 50), (-475, 0), (50, 50)),
    ((1000, 50), (300, 300), "contain", False, (300, 15), (0, 142), (300, 300)),
    ((50, 1000), (400, 200), "cover", False, (50, 1000), (0, -487), (50, 25)),
    # Extreme ratios: no side is lost.
    ((3, 1000), (100, 100), "inside", True, (1, 100), (0, 0), (1, 100)),
    ((3, 1000), (100, 100), "contain", True, (1, 100), (49, 0), (100, 100)),
    ((3, 1000), (100, 100), "cover", True, (100, 33333), (0, -16616), (100, 100)),
    ((1000, 1), (10, 10), "inside", True, (10, 1), (0, 0), (10, 1)),
    ((1, 1), (7, 3), "inside", True, (3, 3), (0, 0), (3, 3)),
    ((1, 1), (7, 3), "cover", True, (7, 7), (0, -2), (7, 3)),
    ((600, 400), (1, 1), "cover", True, (2, 1), (0, 0), (1, 1)),
    # Ties go to even, and what is free is rounded down on the left and above.
    ((4, 2), (5, 9), "inside", True, (5, 2), (0, 0), (5, 2)),
    ((4, 2), (7, 9), "inside", True, (7, 4), (0, 0), (7, 4)),
    ((4, 2), (7, 9), "contain", True, (7, 4), (0, 2), (7, 9)),
    ((601, 400), (300, 300), "cover", True, (451, 300), (-75, 0), (300, 300)),
]


@pytest.mark.parametrize(("source", "asked", "fit", "enlarge", "size", "place", "canvas"), CASES)
def test_cases(source, asked, fit, enlarge, size, place, canvas):
    found = fitted(source[::-1], asked[::-1], fit, "center", enlarge=enlarge)
    assert tuple(each[::-1] for each in found) == (size, place, canvas)


@pytest.mark.parametrize(
    ("source", "asked", "fit", "size"),
    [
        (source, asked, fit, size)
        for source, asked, fit, enlarge, size, *_ in CASES
        if fit in ("inside", "outside") and enlarge
    ],
)
def test_cases_beside_pillow(source, asked, fit, size):
    """It has inside and outside, which it calls contain and cover, and both are allowed to grow."""
    image = PillowImage.new("L", source)
    theirs = (ImageOps.contain if fit == "inside" else ImageOps.cover)(image, asked)
    assert tuple(max(side, 1) for side in theirs.size) == size  # it lets sides become nothing


def in_fractions(source, asked, fit, *, enlarge):
    """Return the size that an image gets, by its definition: not rounded."""
    scales = [Fraction(a, s) for a, s in zip(asked, source, strict=True)]
    if fit == "fill":
        return [a if enlarge else min(a, s) for a, s in zip(asked, source, strict=True)]
    scale = (max if fit in ("cover", "outside") else min)(scales)
    if not enlarge:
        scale = min(scale, 1)
    return [scale * side for side in source]


@given(source=sizes, asked=sizes, fit=st.sampled_from(list(FITS)), enlarge=st.booleans(), position=positions)
def test_any(source, asked, fit, enlarge, position):
    size, place, canvas = fitted(source, asked, fit, position, enlarge=enlarge)
    exact = in_fractions(source, asked, fit, enlarge=enlarge)
    assert size == tuple(max(round(side), 1) for side in exact)
    if not enlarge:
        assert all(side <= limit for side, limit in zip(size, source, strict=True))
    match fit:
        case "contain":
            assert canvas == asked
        case "cover":
            assert all(side <= limit for side, limit in zip(canvas, size, strict=True))
            assert canvas == asked or not enlarge
        case _:
            assert canvas == size
    for before, side, whole in zip(place, size, canvas, strict=True):
        assert min(0, whole - side) <= before <= max(0, whole - side)


@given(source=sizes, asked=sizes, fit=st.sampled_from(["inside", "outside"]))
def test_any_beside_pillow(source, asked, fit):
    size = fitted(source, asked, fit, "center", enlarge=True).size
    image = PillowImage.new("1", source[::-1])
    theirs = (ImageOps.contain if fit == "inside" else ImageOps.cover)(image, asked[::-1])
    # It divides in floating point before it rounds.
    assert max(abs(np.subtract(theirs.size[::-1], size))) <= 1


@pytest.mark.parametrize("resample", ["nearest", "box", "bilinear", "lanczos"])
@pytest.mark.parametrize("shape", [(41, 60), (41, 60, 3), (60, 41, 4)])
@pytest.mark.parametrize("position", ["center", "northwest", "southeast", (0.3, 0.8)])
class TestPixels:
    def test_cover_is_cut_out_of_outside(self, rng, resample, shape, position):
        image = rng.integers(0, 256, shape, np.uint8)
        outside = imgsvc.resize(image, width=33, height=21, fit="outside", resample=resample)
        cut = imgsvc.crop(outside, width=33, height=21, position=position)
        result = imgsvc.resize(image, width=33, height=21, fit="cover", position=position, resample=resample)
        np.testing.assert_array_equal(result, cut)

    def test_contain_is_inside_upon_a_canvas(self, rng, resample, shape, position):
        image = rng.integers(0, 256, shape, np.uint8)
        inside = imgsvc.resize(image, width=33, height=21, fit="inside", resample=resample)
        rows, columns = inside.shape[:2]
        right, down = POSITIONS.get(position, position)
        left, top = math.floor((33 - columns) * right), math.floor((21 - rows) * down)
        framed = imgsvc.pad(
            inside, left=left, top=top, right=33 - columns - left, bottom=21 - rows - top, fill="#123456"
        )
        result = imgsvc.resize(
            image, width=33, height=21, fit="contain", position=position, background="#123456",
            resample=resample,
        )  # fmt: skip
        np.testing.assert_array_equal(result, framed)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_pixels_upon_a_canvas(dtype):
    image = np.full((2, 4), 7, dtype)
    result = imgsvc.resize(image, width=4, height=4, fit="contain", resample="nearest", background="white")
    assert result.dtype == dtype
    assert result[0, 0] == (65535 if dtype == np.uint16 else 1)
    np.testing.assert_array_equal(result[1:3], image)


class TestScale:
    @given(size=sizes, scale=st.floats(0.01, 3))
    def test_both_sides_are_multiplied(self, size, scale):
        expected = tuple(max(round(side * scale), 1) for side in size)
        assert Resize(scale=scale).output_shape(size) == expected

    def test_it_does_not_grow_unless_it_may(self):
        assert Resize(scale=2, enlarge=False).output_shape((3, 5)) == (3, 5)
        assert Resize(width=50, enlarge=False).output_shape((3, 5)) == (3, 5)

    def test_with_a_width(self):
        with pytest.raises(InvalidParameterError, match="^scale: 0.5, expected either this, or width"):
            Resize(width=3, scale=0.5)


class TestErrors:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            (
                {"fit": "crop"},
                "^fit: 'crop', expected one of 'fill', 'cover', 'contain', 'inside', ",
            ),
            ({"position": "up"}, "^position: 'up', expected one of 'center', 'north', .* or two numbers"),
            ({"position": (0.5, 1.5)}, "^position: 1.5, expected a number from 0 to 1$"),
            ({"position": (0.5,)}, r"^position: \(0.5,\), expected one of"),
            ({"enlarge": 1}, "^enlarge: 1, expected true or false$"),
            (
                {"background": "#12"},
                "^background: '#12', expected a colour as '#ff8800' or 'orange', ",
            ),
            ({"background": "reddish"}, "^background: 'reddish', expected a colour"),
            ({"background": (1, 2), "fit": "contain"}, r"^background: \(1, 2\), expected one level, or 3"),
            ({"background": 256, "fit": "contain"}, "^background: 256, expected an integer from 0 to 255"),
        ],
    )
    def test_each_names_what_is_wrong(self, photo, parameters, message):
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.resize(photo, width=10, height=30, **parameters)

    def test_of_a_rectangle(self, photo):
        with pytest.raises(InvalidParameterError, match="^width: 99, expected at most 64, the width"):
            imgsvc.crop(photo, width=99, height=3)
        with pytest.raises(InvalidParameterError, match="^top: nothing, expected a value"):
            Crop(left=1, width=3, height=3)
        with pytest.raises(InvalidParameterError, match="^position: 'north', expected either this, or"):
            Crop(left=1, top=1, width=3, height=3, position="north")


class TestColours:
    @pytest.mark.parametrize(
        ("text", "rgb"),
        [
            ("#f80", (255, 136, 0)),
            ("#FF8800", (255, 136, 0)),
            ("orange", (255, 165, 0)),
            ("Navy", (0, 0, 128)),
        ],
    )
    def test_texts(self, text, rgb):
        for shape, expected in (((1, 1, 3), rgb), ((1, 1, 4), (*rgb, 255))):
            result = imgsvc.pad(np.zeros(shape, np.uint8), left=1, fill=text)
            assert tuple(result[0, 0]) == expected
        gray = imgsvc.pad(np.zeros((1, 1), np.uint8), left=1, fill=text)[0, 0]
        assert gray == imgsvc.grayscale(np.array([[rgb]], np.uint8))[0, 0]

    def test_alpha(self):
        result = imgsvc.pad(np.zeros((1, 1, 4), np.uint8), left=1, fill="#11223380")
        assert result[0, 0].tolist() == [0x11, 0x22, 0x33, 0x80]
        assert imgsvc.pad(np.zeros((1, 1, 3), np.uint8), left=1, fill="#11223380")[0, 0].tolist() == [
            17,
            34,
            51,
        ]

    def test_are_scaled_to_the_range(self):
        assert imgsvc.pad(np.zeros((1, 1), np.uint16), left=1, fill="white")[0, 0] == 65535
        assert imgsvc.pad(np.zeros((1, 1), np.float32), left=1, fill="#808080")[0, 0] == np.float32(128 / 255)
