"""Operations on all channels of a pixel against their references, on every instruction set there is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageEnhance

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import ColorMatrix, Flatten, Saturation
from imgsvc.operations.channels import saturating
from tests import reference
from tests.operations.images import CHANNELS, CHUNK_SHAPES, EDGE_SHAPES, THREADS, images, per_isa
from tests.operations.test_pixels import WIDTHS

SEPIA = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]
SHIFTED = [[*row, level] for row, level in zip(SEPIA, (-20.5, 0.25, 300), strict=True)]

weights = st.floats(-(2.0**20), 2.0**20) | st.floats(-2, 2)
matrices = st.sampled_from([3, 4]).flatmap(
    lambda columns: st.lists(st.lists(weights, min_size=columns, max_size=columns), min_size=3, max_size=3)
)


class TestColorMatrix:
    @per_isa
    @given(image=images, matrix=matrices)
    def test_equals_the_reference(self, isa, image, matrix):
        expected = reference.color_matrix(image, matrix)
        np.testing.assert_array_equal(imgsvc.color_matrix(image, matrix), expected)

    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", EDGE_SHAPES, ids=str)
    def test_edges_at_every_thread_count(self, isa, rng, shape, channels):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        for matrix in (SEPIA, SHIFTED):
            expected = reference.color_matrix(image, matrix)
            for num_threads in THREADS:
                result = imgsvc.color_matrix(image, matrix, num_threads=num_threads)
                np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        result = imgsvc.color_matrix(image, SHIFTED, num_threads=2)
        np.testing.assert_array_equal(result, reference.color_matrix(image, SHIFTED))

    def test_every_remainder_of_a_row(self, isa, rng):
        for width, channels in itertools.product(WIDTHS, CHANNELS):
            # Every second row, so that rows do not join.
            image = rng.integers(0, 256, (4, width, *channels), dtype=np.uint8)[::2]
            expected = reference.color_matrix(image, SEPIA)
            np.testing.assert_array_equal(
                imgsvc.color_matrix(image, SEPIA), expected, err_msg=str(image.shape)
            )

    def test_golden_vectors(self, isa):
        image = np.array([[[10, 20, 40], [255, 0, 1]]], np.uint8)
        halves = [[0.5, 0, 0], [0, 0, 2], [-1, 1, 0]]
        assert imgsvc.color_matrix(image, halves).tolist() == [[[5, 80, 10], [128, 2, 0]]]
        added = [[0, 0, 0, 2.5], [0, 0, 0, -1], [0, 0, 0, 255.5]]
        assert imgsvc.color_matrix(image, added).tolist() == [[[2, 0, 255]] * 2]
        rgba = np.array([[[10, 20, 40, 7]]], np.uint8)
        assert imgsvc.color_matrix(rgba, halves).tolist() == [[[5, 80, 10, 7]]]

    @pytest.mark.parametrize("row", range(3))
    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    def test_one_row_may_add(self, isa, rng, row, channels):
        image = rng.integers(0, 256, (3, 40, *channels), dtype=np.uint8)
        matrix = [[*weights, 0] for weights in SEPIA]
        matrix[row][3] = 20
        expected = reference.color_matrix(image, matrix)
        np.testing.assert_array_equal(imgsvc.color_matrix(image, matrix), expected)

    def test_the_largest_sums_are_clamped(self, isa):
        image = np.full((1, 40, 3), 255, np.uint8)
        matrix = [[2**20] * 4, [-(2**20)] * 4, [2**20, -(2**20), 0, 16]]
        assert (imgsvc.color_matrix(image, matrix) == [255, 0, 16]).all()

    def test_gray_counts_as_equal_colours(self, isa, photo):
        gray = photo[..., 0]
        expected = imgsvc.color_matrix(np.stack([gray] * 3, -1), SHIFTED)
        np.testing.assert_array_equal(imgsvc.color_matrix(gray, SHIFTED), expected)
        np.testing.assert_array_equal(imgsvc.color_matrix(gray[..., None], SHIFTED), expected)

    def test_is_kept_as_it_was_given(self):
        operation = ColorMatrix(np.eye(3))
        assert operation == ColorMatrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
        assert hash(operation) == hash(ColorMatrix(((1, 0, 0), (0, 1, 0), (0, 0, 1))))

    @pytest.mark.parametrize(
        "matrix",
        [
            None,
            1,
            "abc",
            [],
            [1, 2, 3],
            [[1, 2, 3]],
            [[1, 2, 3, 4, 5]] * 3,
            [[1, 0, 0], [1, 0], [1]],
            [["1", "2", "3"]] * 3,
            [[1j, 0, 0]] * 3,
            [[10**400, 0, 0]] * 3,
            np.eye(4),
            np.zeros((3, 3, 1)),
        ],
    )
    def test_what_is_no_matrix(self, photo, matrix):
        expected = "^matrix: .*, expected a matrix of numbers, 3×3 or 3×4$"
        with pytest.raises(InvalidParameterError, match=expected):
            imgsvc.color_matrix(photo, matrix)

    @pytest.mark.parametrize("value", [math.nan, math.inf, 2.0**20 + 1, -(2.0**21)])
    def test_another_weight(self, photo, value):
        matrix = [[1, 0, 0], [0, 1, value], [0, 0, 1]]
        expected = r"^matrix\[1\]\[2\]: .*, expected a number from -1.04858e\+06 to 1.04858e\+06$"
        with pytest.raises(InvalidParameterError, match=expected):
            imgsvc.color_matrix(photo, matrix)

    def test_is_opencv_s_but_for_one_level(self, isa, photo):
        """1 at most: OpenCV rounds weights to 1/1024."""
        cv2 = pytest.importorskip("cv2")
        for matrix in (SEPIA, [*SHIFTED[:2], [*SEPIA[2], 3]]):
            theirs = cv2.transform(photo, np.array(matrix, np.float32))
            assert np.abs(imgsvc.color_matrix(photo, matrix).astype(int) - theirs).max() <= 1

    def test_why_opencv_is_faster(self, photo):
        """What is less than half of 1/1024 makes no difference to it."""
        cv2 = pytest.importorskip("cv2")
        matrix = np.array([[512, 256, 128], [256, 512, 128], [128, 256, 512]]) / 1024
        theirs = cv2.transform(photo, matrix)
        np.testing.assert_array_equal(cv2.transform(photo, matrix + 0.49 / 1024), theirs)
        assert (imgsvc.color_matrix(photo, matrix + 0.49 / 1024) != imgsvc.color_matrix(photo, matrix)).any()

    def test_is_pillow_s_but_for_one_level(self, isa, photo):
        """1 at most: Pillow rounds halves up."""
        matrix = [value for row in SEPIA for value in (*row, 0)]
        theirs = np.asarray(Image.fromarray(photo).convert("RGB", matrix))
        assert np.abs(imgsvc.color_matrix(photo, SEPIA).astype(int) - theirs).max() <= 1


class TestSaturation:
    @per_isa
    @given(image=images, amount=st.floats(0, 100))
    def test_is_a_matrix(self, isa, image, amount):
        matrix = saturating(amount).reshape(3, 4)
        expected = image if image.ndim == 2 or image.shape[2] == 1 else reference.color_matrix(image, matrix)
        np.testing.assert_array_equal(imgsvc.saturation(image, amount), expected)

    @pytest.mark.parametrize("amount", [0, 0.3, 0.99, 1, 1.7, 3.1, 100])
    def test_is_the_formula_s_of_real_numbers(self, isa, rng, amount):
        for channels in (3, 4):
            image = rng.integers(0, 256, (40, 40, channels), dtype=np.uint8)
            difference = imgsvc.saturation(image, amount).astype(int) - reference.saturation(image, amount)
            assert np.abs(difference).max() <= 1
            assert (difference != 0).mean() < 0.001

    def test_gray_pixels_stay(self, isa):
        image = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)
        for amount in (0, 0.1, 0.5, 1, 1.3, 7, 33.3, 100):
            np.testing.assert_array_equal(imgsvc.saturation(image, amount), image)

    def test_none_is_gray_and_one_is_the_image(self, isa, rng):
        image = rng.integers(0, 256, (300, 300, 4), dtype=np.uint8)
        np.testing.assert_array_equal(imgsvc.saturation(image, 1), image)
        gray = imgsvc.saturation(image, 0)
        for channel in range(3):
            np.testing.assert_array_equal(gray[..., channel], imgsvc.grayscale(image))
        np.testing.assert_array_equal(gray[..., 3], image[..., 3])

    def test_ties_are_grayscale_s(self, isa):
        """Where the sum of weights is halfway between two levels."""
        values = np.arange(256)
        red, green, blue = (axis.ravel() for axis in np.meshgrid(values, values, values, indexing="ij"))
        ties = (9798 * red + 19235 * green + 3735 * blue) % 32768 == 16384
        image = np.stack([red, green, blue], -1)[ties].astype(np.uint8)[np.newaxis]
        assert image.size
        np.testing.assert_array_equal(imgsvc.saturation(image, 0)[..., 1], imgsvc.grayscale(image))

    def test_golden_vectors(self, isa):
        image = np.array([[[255, 0, 0, 9], [0, 0, 255, 8], [7, 7, 7, 7]]], np.uint8)
        expected = [[[166, 38, 38, 9], [15, 15, 142, 8], [7, 7, 7, 7]]]
        assert imgsvc.saturation(image, 0.5).tolist() == expected

    def test_gray_is_copied(self, photo):
        gray = photo[..., 0]
        result = imgsvc.saturation(gray, 2)
        np.testing.assert_array_equal(result, gray)
        assert not np.shares_memory(result, gray)

    @pytest.mark.parametrize("value", [-0.1, 100.5, 10**400, math.nan, math.inf, True, "1", None, 1j])
    def test_another_amount(self, photo, value):
        with pytest.raises(InvalidParameterError, match="^amount: .*, expected a number from 0 to 100$"):
            imgsvc.saturation(photo, value)

    def test_what_changes_nothing_is_left_out(self):
        pipeline = imgsvc.Pipeline([Saturation(1), Flatten(), "saturation 2"])
        assert [step.operation for step in pipeline.plan((5, 6, 3)).steps] == [Saturation(2)]
        assert pipeline.plan((5, 6)).copies

    def test_is_pillow_s_but_for_its_gray(self, isa, photo):
        """2 at most for twice the colour: Pillow rounds its gray, down or up, and cuts off fractions."""
        for amount, most in ((0.5, 1), (2, 2)):
            theirs = np.asarray(ImageEnhance.Color(Image.fromarray(photo)).enhance(amount))
            assert np.abs(imgsvc.saturation(photo, amount).astype(int) - theirs).max() <= most


class TestFlatten:
    @per_isa
    @given(image=images, background=st.tuples(*[st.integers(0, 255)] * 3))
    def test_equals_the_reference(self, isa, image, background):
        expected = reference.flatten(image, background)
        np.testing.assert_array_equal(imgsvc.flatten(image, background), expected)

    def test_every_level_alpha_and_background(self, isa):
        levels = np.arange(256, dtype=np.uint8)
        image = np.empty((256, 256, 4), np.uint8)
        image[..., :3] = levels[:, None, None]
        image[..., 3] = levels
        for below in (0, 1, 2, 100, 127, 128, 129, 254, 255):
            background = (below, 255 - below, below // 2)
            expected = reference.flatten(image, background)
            np.testing.assert_array_equal(imgsvc.flatten(image, background), expected)

    @pytest.mark.parametrize("shape", EDGE_SHAPES, ids=str)
    def test_edges_at_every_thread_count(self, isa, rng, shape):
        image = rng.integers(0, 256, (*shape, 4), dtype=np.uint8)
        expected = reference.flatten(image, (1, 100, 200))
        for num_threads in THREADS:
            result = imgsvc.flatten(image, (1, 100, 200), num_threads=num_threads)
            np.testing.assert_array_equal(result, expected)

    def test_every_remainder_of_a_row(self, isa, rng):
        for width in WIDTHS:
            image = rng.integers(0, 256, (4, width, 4), dtype=np.uint8)[::2]
            expected = reference.flatten(image, (9, 8, 7))
            np.testing.assert_array_equal(imgsvc.flatten(image, (9, 8, 7)), expected)

    def test_golden_vectors(self, isa):
        image = np.array([[[10, 20, 40, 255], [10, 20, 40, 0], [0, 100, 255, 128]]], np.uint8)
        assert imgsvc.flatten(image).tolist() == [[[10, 20, 40], [255, 255, 255], [127, 177, 255]]]
        assert imgsvc.flatten(image, 0).tolist() == [[[10, 20, 40], [0, 0, 0], [0, 50, 128]]]

    def test_without_alpha_it_is_a_copy(self, photo):
        for image in (photo, photo[..., 0], photo[..., :1]):
            result = imgsvc.flatten(image)
            np.testing.assert_array_equal(result, image)
            assert not np.shares_memory(result, image)

    def test_colours(self):
        assert Flatten() == Flatten("white") == Flatten("#FFF")
        assert ImageColor.getrgb("orange") == (255, 165, 0)  # which Pillow keeps in its table of names
        assert Flatten("orange") == Flatten("Orange ") == Flatten("#ffa500")
        assert imgsvc.flatten(np.zeros((1, 1, 4), np.uint8), "#12345678").tolist() == [[[18, 52, 86]]]

    @pytest.mark.parametrize(
        ("background", "message"),
        [
            ("blurple", "background: 'blurple', expected a colour as '#ff8800' or 'orange', or levels"),
            ((1, 2), "background: (1, 2), expected one level, or 3: red, green, blue"),
            ((1, 2, 3, 4), "background: (1, 2, 3, 4), expected one level, or 3: red, green, blue"),
            (
                (1, 2, 256),
                "background: 256, expected an integer from 0 to 255, the range of uint8, or one for",
            ),
            (-1, "background: -1, expected an integer from 0 to 255"),
            (0.5, "background: 0.5, expected an integer from 0 to 255"),
            (None, "background: None, expected a level of the"),
        ],
    )
    def test_another_background(self, photo, background, message):
        with pytest.raises(InvalidParameterError) as caught:
            imgsvc.flatten(photo, background)
        assert str(caught.value).startswith(message)

    def test_is_pillow_s(self, isa, rng):
        image = rng.integers(0, 256, (97, 64, 4), dtype=np.uint8)
        above = Image.fromarray(image)
        below = Image.new("RGB", above.size, (10, 200, 30))
        below.paste(above, mask=above)
        np.testing.assert_array_equal(imgsvc.flatten(image, (10, 200, 30)), np.asarray(below))
