"""Turns by any angle and affine maps against exact fractions, on every instruction set this machine has."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import imgsvc
from imgsvc.errors import InvalidImageError, InvalidParameterError
from imgsvc.operations import Rotate, Rotate90, WarpAffine
from imgsvc.operations.borders import BORDERS
from imgsvc.operations.sampling import TAPS, cosine_and_sine, places_of, weights_of
from tests import reference
from tests.operations.images import CHANNELS, THREADS, deep_images, images, per_isa

numbers = st.floats(-3, 3, allow_subnormal=False)
matrices = st.tuples(*[st.tuples(numbers, numbers, st.floats(-30, 30))] * 2).filter(
    lambda rows: abs(rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]) > 1e-3
)
sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))
interpolations = st.sampled_from(list(TAPS))
borders = st.sampled_from(list(BORDERS))


def exact_places(matrix):
    """Rounded once, from the inverse that is solved for in fractions."""
    (a, b, c), (d, e, f) = (map(Fraction, row) for row in matrix)
    whole = a * e - b * d
    inverse = [[e / whole, -b / whole], [-d / whole, a / whole]]
    (xx, xy), (yx, yy) = inverse
    exact = (-(xx * c + xy * f), -(yx * c + yy * f), xx, yx, xy, yy)
    return [round(each * 2**32) for each in exact]


def warped(image, matrix, size, resample="bilinear", border="constant", fill=0, alpha="weighted"):
    return reference.warp(image, exact_places(matrix), size, resample, border, fill, alpha)


class TestWarpAffine:
    @per_isa
    @given(
        image=images, matrix=matrices, size=sizes, resample=interpolations, border=borders,
        alpha=st.sampled_from(["weighted", "channel"]), fill=st.integers(0, 255),
    )  # fmt: skip
    def test_equals_the_reference(self, isa, image, matrix, size, resample, border, alpha, fill):
        result = imgsvc.warp_affine(
            image, matrix, width=size[1], height=size[0], resample=resample, border=border, alpha=alpha,
            fill=fill,
        )  # fmt: skip
        np.testing.assert_array_equal(result, warped(image, matrix, size, resample, border, fill, alpha))

    @pytest.mark.parametrize("resample", TAPS)
    @pytest.mark.parametrize("border", BORDERS)
    def test_rows_that_are_inside_and_out(self, isa, rng, resample, border):
        matrix = [[0.8, 0.3, 4], [-0.35, 0.9, 6.5]]
        for channels, alpha in [*itertools.product(CHANNELS, ["weighted"]), ((4,), "channel")]:
            image = rng.integers(0, 256, (30, 50, *channels), dtype=np.uint8)
            fill = tuple(range(40, 40 + 10 * channels[0], 10)) if channels else 7
            result = imgsvc.warp_affine(
                image, matrix, width=70, height=40, resample=resample, border=border, fill=fill, alpha=alpha
            )
            np.testing.assert_array_equal(
                result, warped(image, matrix, (40, 70), resample, border, fill, alpha)
            )

    @pytest.mark.parametrize("resample", TAPS)
    def test_opaque_pixels_are_those_of_rgb(self, isa, rng, resample):
        image = rng.integers(0, 256, (60, 70, 4), dtype=np.uint8)
        image[..., 3] = 255
        matrix = [[1.1, 0.4, -9], [-0.3, 0.7, 12.25]]
        result = imgsvc.warp_affine(image, matrix, resample=resample, fill="black")
        np.testing.assert_array_equal(
            result[..., :3], imgsvc.warp_affine(image[..., :3], matrix, resample=resample)
        )
        assert (result[..., 3] == 255).all()

    @pytest.mark.parametrize("resample", TAPS)
    def test_at_every_thread_count_and_over_tiles(self, isa, rng, resample):
        for channels in (1, 3, 4):
            image = rng.integers(0, 256, (200, 300, channels), dtype=np.uint8)
            # Its inverse is exact in binary, so that a move of whole pixels moves all places by as many.
            matrix = [[1, 0.25, 3], [-0.25, 0.9375, 30]]
            one = imgsvc.warp_affine(image, matrix, resample=resample, num_threads=1)
            for num_threads in THREADS:
                result = imgsvc.warp_affine(image, matrix, resample=resample, num_threads=num_threads)
                np.testing.assert_array_equal(result, one)
            # A part of the result is what it would be by itself.
            row, column = 70, 131
            moved = [[1, 0.25, 3 - column], [-0.25, 0.9375, 30 - row]]
            part = imgsvc.warp_affine(image, moved, width=9, height=5, resample=resample)
            np.testing.assert_array_equal(part, one[row : row + 5, column : column + 9])

    @pytest.mark.parametrize("resample", TAPS)
    @per_isa
    @given(image=images)
    def test_the_identity(self, isa, resample, image):
        result = imgsvc.warp_affine(image, [[1, 0, 0], [0, 1, 0]], resample=resample, alpha="channel")
        np.testing.assert_array_equal(result, image)

    @pytest.mark.parametrize("border", BORDERS)
    @pytest.mark.parametrize("resample", TAPS)
    @per_isa
    @given(image=images, left=st.integers(0, 50), top=st.integers(0, 50))
    def test_whole_moves_are_pad(self, isa, border, resample, image, left, top):
        expected = imgsvc.pad(image, left=left, top=top, right=20, bottom=10, border=border, fill=9)
        result = imgsvc.warp_affine(
            image, [[1, 0, left], [0, 1, top]], width=expected.shape[1], height=expected.shape[0],
            resample=resample, border=border, fill=9, alpha="channel",
        )  # fmt: skip
        np.testing.assert_array_equal(result, expected)

    @per_isa
    @given(image=deep_images, matrix=matrices, border=borders)
    def test_deep_pixels(self, isa, image, matrix, border):
        result = imgsvc.warp_affine(image, matrix, resample="nearest", border=border)
        rows = image.view(np.uint8).reshape(*image.shape[:2], -1)
        expected = warped(rows, matrix, image.shape[:2], "nearest", border)
        assert (result.shape, result.dtype) == (image.shape, image.dtype)
        assert result.tobytes() == expected.tobytes()

    def test_any_strides(self, isa, rng):
        image = rng.integers(0, 256, (90, 80, 3), dtype=np.uint8)
        matrix = [[0.7, 0.7, -20], [-0.7, 0.7, 40]]
        for resample in TAPS:
            for view in (image[::-1], image[:, ::-1], image[::2, ::3], image[5:60, 7:50], image[..., 1]):
                np.testing.assert_array_equal(
                    imgsvc.warp_affine(view, matrix, resample=resample),
                    imgsvc.warp_affine(np.ascontiguousarray(view), matrix, resample=resample),
                )

    @pytest.mark.parametrize("resample", TAPS)
    @pytest.mark.parametrize("border", BORDERS)
    @pytest.mark.parametrize("scale", [1e-8, 1e-3, 0.3, 40, 1e9, 1e300])
    def test_extreme_scales(self, isa, rng, resample, border, scale):
        for shape in [(1, 1), (1, 9, 3), (9, 1, 4), (20, 20, 3), (20, 20)]:
            image = rng.integers(0, 256, shape, dtype=np.uint8)
            matrix = [[scale, scale / 8, 1], [0, scale, -2]]
            result = imgsvc.warp_affine(
                image, matrix, width=11, height=3, resample=resample, border=border, fill=5
            )
            np.testing.assert_array_equal(result, warped(image, matrix, (3, 11), resample, border, 5))

    @pytest.mark.parametrize(
        "matrix",
        [
            [[1e-300, 0, 0], [0, 1e-300, 0]],
            [[5e-324, 0, 0], [0, 1, 0]],
            [[1, 0, 1e300], [0, 1, 0]],
            [[1e-9, 0, 0], [0, 1, 0]],
            [[1, 0, 0], [0, 1e-9, 0]],
            [[1, 0, -(2.0**30)], [0, 1, 0]],
            [[1, 0, 2.0**31], [0, 1, 0]],
            [[1, 1, 0], [1, 1 + 2.0**-52, 0]],
        ],
    )
    def test_places_too_far_away(self, photo, matrix):
        with pytest.raises(InvalidParameterError, match="^matrix: pixels of a result of .* from far"):
            imgsvc.warp_affine(photo, matrix)

    def test_places_as_far_away_as_they_may_be(self, isa):
        far = 2**30 - 1.5
        for matrix in ([[1, 0, -far], [0, 1, far]], [[1, 0, far], [0, 1, -far]]):
            for resample in TAPS:
                result = imgsvc.warp_affine(
                    np.array([[7]], np.uint8), matrix, resample=resample, border="replicate"
                )
                assert result.tolist() == [[7]]

    def test_a_step_that_nothing_goes_may_be_of_any_length(self, isa):
        image = np.array([[7, 8], [9, 10]], np.uint8)
        for matrix in ([[1e-300, 0, 0], [0, 1e-300, 0]], [[5e-324, 0, 0], [0, 5e-324, 0]]):
            for resample in TAPS:
                result = imgsvc.warp_affine(image, matrix, width=1, height=1, resample=resample)
                assert result.tolist() == [[7]]

    @pytest.mark.parametrize(
        ("matrix", "message"),
        [
            ([[1, 2, 0], [2, 4, 0]], "^matrix: .*, expected one that can be inverted"),
            ([[0, 0, 0], [0, 0, 0]], "^matrix: .*, expected one that can be inverted"),
            ([[1, 0, np.nan], [0, 1, 0]], r"^matrix\[0\]\[2\]: nan, expected a number from -1.7"),
            ([[1, 0, np.inf], [0, 1, 0]], r"^matrix\[0\]\[2\]: inf, expected a number from -1.7"),
            ([[1, 0], [0, 1]], "^matrix: .*, expected a matrix of numbers, 2×3"),
            (np.eye(3), r"^matrix: an array of shape \(3, 3\), expected a matrix of numbers, 2×3"),
            ([[1, 0, 0], [0, 1]], "^matrix: .*, expected a matrix of numbers, 2×3"),
            ("matrix", "^matrix: 'matrix', expected a matrix of numbers, 2×3"),
            ([[1j, 0, 0], [0, 1, 0]], "^matrix: .*, expected a matrix of numbers, 2×3"),
            ([[10**400, 0, 0], [0, 1, 0]], "^matrix: .*, expected a matrix of numbers, 2×3"),
            (None, "^matrix: None, expected a matrix of numbers, 2×3"),
        ],
    )
    def test_no_matrix(self, photo, matrix, message):
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.warp_affine(photo, matrix)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"width": 0}, "^width: 0, expected an integer from 1 to"),
            ({"height": 1.5}, "^height: 1.5, expected an integer from 1 to"),
            ({"width": 1 << 22, "height": 1 << 22}, "^width, height: a result of"),
            (
                {"resample": "lanczos"},
                "^resample: 'lanczos', expected one of 'nearest', 'bilinear', 'bicu",
            ),
            ({"border": "mirror"}, "^border: 'mirror', expected one of"),
            ({"fill": (1, 2)}, "^fill: .*, expected one level, or 3"),
            ({"fill": 256}, "^fill: 256, expected an integer from 0 to 255"),
            ({"alpha": "straight"}, "^alpha: 'straight', expected one of"),
        ],
    )
    def test_parameters_out_of_range(self, photo, parameters, message):
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.warp_affine(photo, [[1, 0, 0], [0, 1, 0]], **parameters)

    def test_deep_pixels_are_not_interpolated(self):
        with pytest.raises(InvalidParameterError, match=r"^image\.dtype: uint16, expected uint8"):
            WarpAffine([[1, 0, 0], [0, 1, 0]]).output_dtype(np.dtype(np.uint16))

    def test_weights_are_as_said(self):
        assert weights_of("nearest").tolist() == [[1]] * 128
        assert weights_of("bilinear").tolist() == [[128 - f, f] for f in range(128)]
        expected = [reference.cubic_weights(Fraction(f, 128)) for f in range(128)]
        assert weights_of("bicubic").tolist() == expected
        assert all(expected[-f] == expected[f][::-1] for f in range(1, 128))


class TestRotate:
    @pytest.mark.parametrize("resample", TAPS)
    @pytest.mark.parametrize("degrees", [-720, -450, -90, 0, 90, 180, 270, 360, 99990])
    @per_isa
    @given(image=images)
    def test_quarter_turns(self, isa, degrees, resample, image):
        result = imgsvc.rotate(image, degrees, resample=resample)
        np.testing.assert_array_equal(result, imgsvc.rotate90(image, degrees // 90))

    @pytest.mark.parametrize("turns", range(4))
    @pytest.mark.parametrize("resample", TAPS)
    @per_isa
    @given(image=images)
    def test_quarter_turns_in_the_size_of_the_image(self, isa, turns, resample, image):
        height, width = image.shape[:2]
        result = imgsvc.rotate(image, 90 * turns, resample=resample, expand=False, fill=3, alpha="channel")
        turned = imgsvc.rotate90(image, turns)
        assert result.shape == image.shape
        assume(turns % 2 == 0 or (height - width) % 2 == 0)  # otherwise half a pixel lies between them
        top, left = (turned.shape[0] - height) // 2, (turned.shape[1] - width) // 2
        around = imgsvc.pad(
            turned, left=max(-left, 0), right=max(-left, 0), top=max(-top, 0), bottom=max(-top, 0), fill=3
        )
        top, left = max(top, 0), max(left, 0)
        np.testing.assert_array_equal(result, around[top : top + height, left : left + width])

    @per_isa
    @given(
        image=images, degrees=st.floats(-400, 400).filter(lambda degrees: degrees % 90),
        resample=interpolations, expand=st.booleans(), alpha=st.sampled_from(["weighted", "channel"]),
    )  # fmt: skip
    def test_equals_the_reference(self, isa, image, degrees, resample, expand, alpha):
        result = imgsvc.rotate(
            image, degrees, resample=resample, expand=expand, fill="#40506070", alpha=alpha
        )
        height, width = image.shape[:2]
        cosine, sine = reference.cosine_and_sine(degrees)
        if expand:
            size = tuple(
                math.ceil(Fraction(round(length * 2**32), 2**32))
                for length in (
                    width * abs(sine) + height * abs(cosine), width * abs(cosine) + height * abs(sine)
                )
            )  # fmt: skip
        else:
            size = height, width
        across, down = (math.floor(each * 2**32 + Fraction(1, 2)) for each in (cosine, sine))
        x = ((width - 1) * 2**32 - across * (size[1] - 1) + down * (size[0] - 1)) // 2
        y = ((height - 1) * 2**32 - down * (size[1] - 1) - across * (size[0] - 1)) // 2
        fill = {1: 80, 3: (0x40, 0x50, 0x60), 4: (0x40, 0x50, 0x60, 0x70)}
        channels = image.shape[2] if image.ndim > 2 else 1
        expected = reference.warp(
            image, (x, y, across, down, -down, across), size, resample, "constant", fill[channels], alpha
        )
        if channels == 1:  # what a colour is as gray, `pad` knows
            gray = imgsvc.pad(image, left=1, fill="#405060")[0, 0]
            expected = reference.warp(
                image, (x, y, across, down, -down, across), size, resample, "constant", gray, alpha
            )
        np.testing.assert_array_equal(result, expected)

    def test_counter_clockwise(self, isa):
        image = np.zeros((21, 21), np.uint8)
        image[10, 20] = 255  # on the right
        result = imgsvc.rotate(image, 45, expand=False, resample="nearest")
        row, column = np.argwhere(result)[0]
        assert row < 10 < column

    def test_it_turns_as_opencv_does(self):
        # getRotationMatrix2D((10, 7), 30, 1)
        c, s = math.cos(math.radians(30)), math.sin(math.radians(30))
        matrix = [[c, s, (1 - c) * 10 - s * 7], [-s, c, s * 10 + (1 - c) * 7]]
        image = np.random.default_rng(1).integers(0, 256, (15, 21), np.uint8)
        result = imgsvc.rotate(image, 30, expand=False, resample="nearest")
        np.testing.assert_array_equal(result, imgsvc.warp_affine(image, matrix, resample="nearest"))

    @pytest.mark.parametrize(
        ("degrees", "size"),
        [
            (30, (4599, 4965)),
            (45, (4950, 4950)),
            (-10, (3650, 4461)),
            (90, (4000, 3000)),
            (180, (3000, 4000)),
        ],
    )
    def test_sizes(self, degrees, size):
        assert Rotate(degrees).output_shape((3000, 4000, 3)) == (*size, 3)

    @settings(max_examples=20 * settings.default.max_examples)
    @given(degrees=st.floats(-1e6, 1e6) | st.integers(-4000, 4000).map(lambda number: number / 8))
    def test_cosine_and_sine_are_rounded_to_the_nearest(self, degrees):
        for found, exact in zip(cosine_and_sine(degrees), reference.cosine_and_sine(degrees), strict=True):
            assert abs(found - exact * 2**64) <= Fraction(51, 100)

    def test_the_cosine_and_the_sine_of_an_angle(self):
        cosine, sine = reference.cosine_and_sine(30.0)
        assert abs(cosine**2 - Fraction(3, 4)) < Fraction(1, 10**48)
        assert abs(sine - Fraction(1, 2)) < Fraction(1, 10**48)
        assert cosine_and_sine(30.0) == ((math.isqrt(3 << 128) + 1) // 2, 1 << 63)

    def test_sides_are_rounded_before_they_are_counted_up(self):
        for length, side in ((0.3, 1000), (0.7, 1001)):
            degrees = math.degrees(length * 2**-32 / 1000)
            assert Rotate(degrees).output_shape((1000, 1000)) == (side, side)

    def test_sixty_degrees_have_half_a_side(self):
        assert cosine_and_sine(60.0)[0] == 1 << 63
        assert [cosine_and_sine(90.0 * turns) for turns in range(4)] == [
            (1 << 64, 0), (0, 1 << 64), (-1 << 64, 0), (0, -1 << 64)
        ]  # fmt: skip

    def test_deep_quarter_turns(self, isa):
        image = np.arange(6, dtype=np.float32).reshape(2, 3)
        np.testing.assert_array_equal(imgsvc.rotate(image, 90), np.rot90(image))
        with pytest.raises(InvalidImageError, match=r"^image\.dtype: float32, expected uint8"):
            imgsvc.rotate(image, 45)
        assert imgsvc.rotate(image, 45, resample="nearest").dtype == np.float32
        assert not Rotate(90, expand=False).deep
        with pytest.raises(InvalidImageError, match=r"^image\.dtype: float32, expected uint8"):
            imgsvc.rotate(image, 90, expand=False)

    @pytest.mark.parametrize("degrees", [np.nan, np.inf, 1e7, "90", None, True])
    def test_no_angle(self, photo, degrees):
        with pytest.raises(InvalidParameterError, match=r"^degrees: .*, expected a number from -1e\+06 to"):
            imgsvc.rotate(photo, degrees)

    @pytest.mark.parametrize("expand", [1, None, "true"])
    def test_expand_is_a_truth(self, photo, expand):
        with pytest.raises(InvalidParameterError, match="^expand: .*, expected true or false$"):
            imgsvc.rotate(photo, 1, expand=expand)

    def test_a_result_beyond_reason(self):
        with pytest.raises(InvalidParameterError, match="^degrees: a result of"):
            Rotate(45).output_shape((1, 1 << 29, 1))

    def test_it_is_the_same_work_as_rotate90(self):
        assert Rotate(90).of_size((3, 5)) == Rotate90(1)
        assert Rotate(180, expand=False).of_size((3, 5)) == Rotate90(2)
        assert Rotate(270, expand=False).of_size((5, 5)) == Rotate90(3)


class TestGoldenVectors:
    """Worked out by the formulas of the docstrings in fractions, with places that are not rounded."""

    GRAY = np.array([[10, 200, 30, 90], [0, 50, 255, 120], [70, 160, 20, 240], [130, 5, 180, 60]], np.uint8)
    RGBA = np.array(
        [[[200, 100, 0, 255], [0, 80, 250, 128]], [[90, 10, 30, 0], [255, 40, 120, 60]]], np.uint8
    )

    @pytest.mark.parametrize(
        ("resample", "border", "expected"),
        [
            (
                "nearest", "constant",
                [[99, 99, 99, 99], [99, 99, 30, 99], [99, 0, 50, 240], [99, 99, 160, 60]],
            ),
            (
                "nearest", "replicate",
                [[10, 200, 90, 90], [10, 10, 30, 120], [10, 0, 50, 240], [0, 70, 160, 60]],
            ),
            (
                "nearest", "reflect",
                [[0, 50, 90, 90], [10, 10, 30, 120], [200, 0, 50, 240], [255, 70, 160, 60]],
            ),
            (
                "nearest", "reflect101",
                [[160, 160, 120, 255], [50, 0, 30, 255], [30, 0, 50, 240], [120, 160, 160, 60]],
            ),
            (
                "nearest", "wrap",
                [[240, 160, 60, 130], [60, 130, 30, 0], [30, 0, 50, 240], [50, 240, 160, 60]],
            ),
            (
                "bilinear", "constant",
                [[99, 99, 99, 99], [99, 84, 30, 101], [99, 32, 133, 190], [99, 92, 111, 116]],
            ),
            (
                "bilinear", "replicate",
                [[10, 173, 64, 90], [10, 65, 30, 107], [10, 4, 133, 205], [10, 50, 111, 116]],
            ),
            (
                "bilinear", "reflect",
                [[20, 81, 80, 73], [82, 65, 30, 107], [200, 4, 133, 205], [155, 50, 111, 116]],
            ),
            (
                "bilinear", "reflect101",
                [[111, 117, 173, 146], [133, 36, 30, 144], [30, 36, 133, 189], [173, 117, 111, 116]],
            ),
            (
                "bilinear", "wrap",
                [[183, 111, 116, 81], [116, 81, 30, 34], [30, 34, 133, 183], [133, 183, 111, 116]],
            ),
            (
                "bicubic", "constant",
                [[99, 96, 101, 99], [99, 84, 30, 97], [99, 12, 141, 220], [99, 93, 128, 120]],
            ),
            (
                "bicubic", "replicate",
                [[8, 190, 56, 88], [10, 65, 30, 97], [10, 0, 141, 232], [6, 47, 131, 121]],
            ),
            (
                "bicubic", "reflect",
                [[11, 64, 69, 59], [88, 69, 30, 91], [200, 0, 141, 234], [175, 43, 131, 121]],
            ),
            (
                "bicubic", "reflect101",
                [[126, 134, 182, 162], [141, 18, 30, 152], [30, 18, 141, 217], [182, 134, 126, 112]],
            ),
            (
                "bicubic", "wrap",
                [[215, 124, 120, 85], [120, 85, 30, 8], [30, 8, 141, 215], [141, 215, 124, 120]],
            ),
        ],
    )  # fmt: skip
    def test_every_border(self, isa, resample, border, expected):
        matrix = [[0.5, 0.25, 1], [-0.25, 0.75, 1.5]]
        result = imgsvc.warp_affine(self.GRAY, matrix, resample=resample, border=border, fill=99)
        assert result.tolist() == expected

    @pytest.mark.parametrize(
        ("resample", "border", "expected"),
        [
            (
                "nearest", "constant",
                [
                    [[200, 100, 0, 255], [200, 100, 0, 255], [0, 80, 250, 128]],
                    [[200, 100, 0, 255], [90, 10, 30, 0], [255, 40, 120, 60]],
                ],
            ),
            (
                "bilinear", "constant",
                [
                    [[174, 89, 4, 148], [144, 93, 66, 186], [4, 75, 232, 109]],
                    [[161, 84, 6, 95], [174, 92, 49, 108], [123, 59, 180, 79]],
                ],
            ),
            (
                "bilinear", "replicate",
                [
                    [[200, 100, 0, 255], [146, 95, 67, 201], [4, 79, 248, 126]],
                    [[200, 100, 0, 147], [174, 92, 49, 108], [127, 60, 185, 82]],
                ],
            ),
            (
                "bicubic", "replicate",
                [
                    [[207, 101, 0, 255], [149, 95, 63, 211], [0, 77, 255, 119]],
                    [[206, 101, 0, 156], [178, 93, 42, 107], [137, 57, 184, 79]],
                ],
            ),
        ],
    )  # fmt: skip
    def test_colours_weighted_by_alpha(self, isa, resample, border, expected):
        result = imgsvc.warp_affine(
            self.RGBA, [[1.25, 0.25, 0.5], [-0.25, 1.5, 0.25]], width=3, height=2, resample=resample,
            border=border, fill=(10, 20, 30, 40),
        )  # fmt: skip
        assert result.tolist() == expected

    @pytest.mark.parametrize(
        ("resample", "expected"),
        [
            (
                "nearest",
                [
                    [0, 90, 4, 200, 214, 46, 208, 188, 242, 114, 60, 80],
                    [0, 180, 239, 67, 92, 191, 108, 99, 164, 47, 4, 35],
                ],
            ),
            (
                "bilinear",
                [
                    [42, 128, 85, 116, 193, 100, 170, 184, 233, 111, 60, 92],
                    [52, 185, 179, 99, 90, 156, 127, 99, 155, 55, 6, 44],
                ],
            ),
            (
                "bicubic",
                [
                    [38, 146, 68, 113, 223, 77, 183, 190, 246, 111, 57, 89],
                    [47, 212, 193, 87, 74, 169, 127, 93, 164, 52, 2, 37],
                ],
            ),
        ],
    )
    def test_rows_long_enough_to_be_done_eight_pixels_at_a_time(self, isa, resample, expected):
        x, y = np.arange(14), np.arange(4)[:, np.newaxis]
        image = (37 * x * x + 11 * x * y + 90 * y).astype(np.uint8)
        matrix = [[0.9375, 0.0625, 0.5], [0.015625, 1.0625, -1.25]]
        result = imgsvc.warp_affine(image, matrix, width=12, height=2, resample=resample)
        assert result.tolist() == expected

    @pytest.mark.parametrize(
        ("resample", "whole", "part"),
        [
            (
                "nearest",
                [
                    [99, 99, 99, 90, 99, 99], [99, 99, 30, 90, 99, 99], [10, 10, 50, 255, 240, 99],
                    [99, 0, 160, 20, 60, 60], [99, 99, 130, 5, 99, 99], [99, 99, 130, 99, 99, 99],
                ],
                [[99, 30, 90, 99], [10, 50, 255, 240], [0, 160, 20, 60], [99, 130, 5, 99]],
            ),
            (
                "bilinear",
                [
                    [99, 99, 95, 95, 99, 99], [99, 141, 62, 113, 108, 99], [56, 73, 121, 176, 213, 106],
                    [91, 17, 111, 75, 123, 80], [99, 87, 94, 39, 133, 99], [99, 99, 114, 94, 99, 99],
                ],
                [[141, 62, 113, 108], [73, 121, 176, 213], [17, 111, 75, 123], [87, 94, 39, 133]],
            ),
            (
                "bicubic",
                [
                    [99, 96, 95, 95, 99, 99], [101, 152, 49, 108, 99, 93], [40, 67, 123, 203, 236, 105],
                    [93, 9, 126, 49, 127, 63], [104, 83, 99, 22, 144, 100], [99, 98, 125, 95, 99, 99],
                ],
                [[152, 49, 108, 99], [67, 123, 203, 236], [9, 126, 49, 127], [83, 99, 22, 144]],
            ),
        ],
    )  # fmt: skip
    def test_a_turn_by_thirty_degrees(self, isa, resample, whole, part):
        assert imgsvc.rotate(self.GRAY, 30, resample=resample, fill=99).tolist() == whole
        assert imgsvc.rotate(self.GRAY, 30, resample=resample, fill=99, expand=False).tolist() == part

    def test_a_turn_of_colours_weighted_by_alpha(self, isa):
        fill = 10, 20, 30, 40
        assert imgsvc.rotate(self.RGBA, 30, fill=fill).tolist() == [
            [[94, 57, 24, 66], [2, 71, 216, 96], [12, 38, 96, 50]],
            [[184, 93, 3, 176], [150, 86, 88, 111], [187, 34, 95, 53]],
            [[32, 29, 27, 39], [10, 20, 30, 15], [51, 23, 45, 42]],
        ]
        assert imgsvc.rotate(self.RGBA, 30, fill=fill, expand=False).tolist() == [
            [[156, 93, 47, 183], [43, 69, 212, 94]], [[182, 92, 3, 74], [212, 36, 104, 41]],
        ]  # fmt: skip
        assert imgsvc.rotate(self.RGBA, 30, fill=fill, resample="bicubic").tolist() == [
            [[84, 52, 23, 61], [0, 74, 227, 103], [3, 32, 89, 47]],
            [[197, 95, 0, 192], [161, 92, 93, 130], [198, 35, 99, 58]],
            [[19, 25, 26, 38], [0, 0, 0, 0], [43, 21, 37, 41]],
        ]


def test_places_are_exact():
    matrix = ((0.1, 0.7, 1 / 3), (-1.3, 0.2, 1e5))
    assert list(places_of(matrix)) == exact_places(matrix)


def test_what_cannot_be_seen_of_a_fill_has_no_colour(rng):
    image = rng.integers(0, 256, (40, 40, 4), dtype=np.uint8)
    image[..., 3] = 255
    result = imgsvc.rotate(image, 30, fill=(10, 20, 30, 0))
    assert not result[result[..., 3] == 0].any()
    as_channels = imgsvc.rotate(image, 30, fill=(10, 20, 30, 0), alpha="channel")
    assert as_channels[0, 0].tolist() == [10, 20, 30, 0]
    taken = imgsvc.rotate(image, 30, fill=(10, 20, 30, 0), resample="nearest")  # nothing is computed
    assert taken[0, 0].tolist() == [10, 20, 30, 0]
