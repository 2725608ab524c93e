"""Operations on single pixels against their references, on every instruction set this machine has."""

import decimal
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import Adjust, Gamma, Grayscale, Lut
from imgsvc.operations.tables import adjust_table, gamma_table
from tests import reference
from tests.operations.images import CHANNELS, CHUNK_SHAPES, EDGE_SHAPES, THREADS, images, per_isa
from tests.operations.test_memory import SHAPES, guarded

NUMBERS = "integers from 0 to 255, or a row of 256 for each channel$"
# Around the 32 bytes of a vector, the 32 pixels of a block and what is left of them.
WIDTHS = [*range(1, 70), 95, 96, 97, 127, 128, 129]

tables = st.binary(min_size=256, max_size=256)
levels = st.integers(0, 255)


def table_of(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 256), dtype=np.uint8)


class TestLut:
    @per_isa
    @given(image=images, table=tables)
    def test_equals_the_reference(self, isa, image, table):
        expected = reference.lut(image, np.frombuffer(table, np.uint8))
        np.testing.assert_array_equal(imgsvc.lut(image, table), expected)

    @per_isa
    @given(image=images, seed=st.integers(0, 99))
    def test_a_row_for_each_channel(self, isa, image, seed):
        table = table_of(seed, image.shape[2] if image.ndim == 3 else 1)
        np.testing.assert_array_equal(imgsvc.lut(image, table), reference.lut(image, table))

    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", EDGE_SHAPES, ids=str)
    def test_edges_at_every_thread_count(self, isa, rng, shape, channels):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        for table in (table_of(1), table_of(2, *(channels or (1,)))):
            expected = reference.lut(image, table)
            for num_threads in THREADS:
                np.testing.assert_array_equal(imgsvc.lut(image, table, num_threads=num_threads), expected)

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        for table in (table_of(1), table_of(2, shape[2])):
            np.testing.assert_array_equal(
                imgsvc.lut(image, table, num_threads=2), reference.lut(image, table)
            )

    def test_every_value_at_every_place_of_a_vector(self, isa):
        image = np.repeat(np.arange(256, dtype=np.uint8), 33).reshape(1, -1)
        np.testing.assert_array_equal(imgsvc.lut(image, table_of(3)), reference.lut(image, table_of(3)))

    @pytest.mark.parametrize("at_end", [False, True])
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_rows_for_channels_touch_nothing_beside_the_images(self, isa, shape, at_end):
        for channels in (3, 4):
            image = guarded((*shape, channels), at_end=at_end)
            image[...] = 7
            out = guarded((*shape, channels), at_end=at_end)
            table = table_of(4, channels)
            np.testing.assert_array_equal(imgsvc.lut(image, table, out=out), reference.lut(image, table))

    def test_golden_vectors(self, isa):
        image = np.array([[[0, 1, 255, 2]]], np.uint8)
        assert imgsvc.lut(image, 255 - np.arange(256)).tolist() == [[[255, 254, 0, 253]]]
        rows = [[0] * 256, [9] * 256, range(256), [7, 8, 6] + [0] * 253]
        assert imgsvc.lut(image, np.array(list(map(list, rows)))).tolist() == [[[0, 9, 255, 6]]]

    def test_what_tables_may_be(self):
        values = table_of(5)
        for table in (
            values, values.tolist(), tuple(values.tolist()), values.tobytes(), bytearray(values),
            values.astype(np.int64), values.astype(np.uint16), values[None], np.repeat(values, 2)[::2],
        ):  # fmt: skip
            assert Lut(table) == Lut(values)
            assert hash(Lut(table)) == hash(Lut(values))
        assert Lut(table_of(5)) != Lut(table_of(6))
        assert Lut(table_of(5, 3)) == Lut(table_of(5, 3).tobytes())

    def test_the_table_is_copied(self, photo):
        table = table_of(5)
        operation = Lut(table)
        expected = table[photo]
        table[:] = 0
        np.testing.assert_array_equal(operation(photo), expected)

    def test_repr(self):
        assert repr(Lut(bytes(256))) == "Lut(<1×256>)"
        assert repr(Lut(bytes(768))) == "Lut(<3×256>)"

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            (None, "^table: None, expected 256 "),
            ("abc", "^table: 'abc', expected 256 "),
            (5, "^table: 5, expected 256 "),
            (math.nan, "^table: nan, expected 256 "),
            (b"abc", "^table: 3 bytes, expected 256 "),
            (bytes(512), "^table: 512 bytes, expected 256 "),
            ([], r"^table: float64 array of shape \(0,\), expected 256 "),
            (np.zeros(255, np.uint8), r"^table: uint8 array of shape \(255,\), expected 256 "),
            (np.zeros((2, 256), np.uint8), r"^table: uint8 array of shape \(2, 256\), expected 256 "),
            (np.zeros((256, 3), np.uint8), r"^table: uint8 array of shape \(256, 3\), expected 256 "),
            (np.zeros((1, 256, 3), np.uint8), r"^table: uint8 array of shape \(1, 256, 3\), expected 256 "),
            (np.zeros(256), r"^table: float64 array of shape \(256,\), expected 256 "),
            (np.zeros(256, bool), r"^table: bool array of shape \(256,\), expected 256 "),
            ([10**30] * 256, r"^table: object array of shape \(256,\), expected 256 "),
            ([math.inf] * 256, r"^table: float64 array of shape \(256,\), expected 256 "),
            (np.arange(256) + 1, "^table: 256, expected 256 "),
            (np.arange(256) - 1, "^table: -1, expected 256 "),
        ],
    )
    def test_what_is_no_table(self, photo, table, message):
        with pytest.raises(InvalidParameterError, match=message + NUMBERS):
            imgsvc.lut(photo, table)

    def test_a_ragged_list_is_no_table(self, photo):
        with pytest.raises(InvalidParameterError, match=r"^table: \[\[1\], \[2, 3\]\], expected 256 "):
            imgsvc.lut(photo, [[1], [2, 3]])

    def test_another_number_of_rows(self, photo):
        table = table_of(0, 4)
        with pytest.raises(
            InvalidParameterError, match="^table: 4 rows, expected 1 row, or 3: one for each channel$"
        ):
            imgsvc.lut(photo, table)
        with pytest.raises(InvalidParameterError, match="^table: 4 rows, expected 1 row$"):
            imgsvc.lut(photo[..., 0], table)

    def test_equals_opencv(self, isa, rng):
        """No difference; OpenCV takes the tables of channels as one of 256 pixels."""
        cv2 = pytest.importorskip("cv2")
        for channels in (1, 3, 4):
            image = rng.integers(0, 256, (97, 64, channels), dtype=np.uint8)
            one, several = table_of(1), table_of(2, channels)
            shape = image.shape
            np.testing.assert_array_equal(imgsvc.lut(image, one), cv2.LUT(image, one).reshape(shape))
            np.testing.assert_array_equal(
                imgsvc.lut(image, several),
                cv2.LUT(image, np.ascontiguousarray(several.T)[None]).reshape(shape),
            )


class TestInvert:
    @per_isa
    @given(image=images)
    def test_equals_the_reference(self, isa, image):
        expected = reference.of_colours(lambda value: 255 - value, image)
        np.testing.assert_array_equal(imgsvc.invert(image), expected)

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges_at_every_thread_count(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        expected = reference.of_colours(lambda value: 255 - value, image)
        for num_threads in THREADS:
            np.testing.assert_array_equal(imgsvc.invert(image, num_threads=num_threads), expected)

    def test_golden_vectors(self, isa):
        assert imgsvc.invert(np.array([[0, 1, 255]], np.uint8)).tolist() == [[255, 254, 0]]
        assert imgsvc.invert(np.array([[[0, 1, 255, 7]]], np.uint8)).tolist() == [[[255, 254, 0, 7]]]

    def test_twice_is_the_image(self, isa, photo):
        np.testing.assert_array_equal(imgsvc.invert(imgsvc.invert(photo)), photo)

    def test_equals_opencv(self, isa, photo):
        """No difference; OpenCV would invert alpha too."""
        cv2 = pytest.importorskip("cv2")
        np.testing.assert_array_equal(imgsvc.invert(photo), cv2.bitwise_not(photo))


class TestThreshold:
    @per_isa
    @given(image=images, level=levels)
    def test_equals_the_reference(self, isa, image, level):
        np.testing.assert_array_equal(imgsvc.threshold(image, level), reference.threshold(image, level))

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges_at_every_thread_count(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        expected = reference.threshold(image, 99)
        for num_threads in THREADS:
            np.testing.assert_array_equal(imgsvc.threshold(image, 99, num_threads=num_threads), expected)

    def test_every_value_and_level(self, isa):
        image = np.arange(256, dtype=np.uint8)[None]
        for level in range(256):
            expected = np.where(np.arange(256) > level, 255, 0)[None]
            np.testing.assert_array_equal(imgsvc.threshold(image, level), expected)

    def test_golden_vectors(self, isa):
        assert imgsvc.threshold(np.array([[99, 100, 101]], np.uint8), 100).tolist() == [[0, 0, 255]]
        image = np.array([[[99, 100, 101, 7]]], np.uint8)
        assert imgsvc.threshold(image, 99).tolist() == [[[0, 255, 255, 7]]]

    @pytest.mark.parametrize("level", [-1, 256, 10**30, True, 1.0, math.nan, math.inf, None, "1"])
    def test_another_level(self, photo, level):
        with pytest.raises(InvalidParameterError, match="^level: .*, expected an integer from 0 to 255$"):
            imgsvc.threshold(photo, level)

    def test_equals_opencv(self, isa, photo):
        """No difference; OpenCV would cut alpha too."""
        cv2 = pytest.importorskip("cv2")
        for level in (0, 1, 127, 128, 254, 255):
            _, expected = cv2.threshold(photo, level, 255, cv2.THRESH_BINARY)
            np.testing.assert_array_equal(imgsvc.threshold(photo, level), expected)


class TestAdjust:
    @per_isa
    @given(image=images, brightness=st.floats(-255, 255), contrast=st.floats(0, 100))
    def test_equals_the_reference(self, isa, image, brightness, contrast):
        expected = reference.adjust(image, brightness, contrast)
        np.testing.assert_array_equal(imgsvc.adjust(image, brightness, contrast), expected)

    @given(brightness=st.integers(-1020, 1020), contrast=st.integers(0, 40))
    def test_ties_go_to_even(self, brightness, contrast):
        """Quarters and eighths, so that many values are ties."""
        values = np.arange(256, dtype=np.uint8)[None]
        expected = reference.adjust(values, Fraction(brightness, 4), Fraction(contrast, 8))
        assert adjust_table(brightness / 4, contrast / 8) == expected.tobytes()

    def test_golden_vectors(self, isa):
        image = np.array([[0, 1, 2, 127, 128, 254, 255]], np.uint8)
        assert imgsvc.adjust(image).tolist() == image.tolist()
        assert imgsvc.adjust(image, 0.5).tolist() == [[0, 2, 2, 128, 128, 254, 255]]
        assert imgsvc.adjust(image, -0.5).tolist() == [[0, 0, 2, 126, 128, 254, 254]]
        assert imgsvc.adjust(image, 0, 0).tolist() == [[128] * 7]  # 127.5
        assert imgsvc.adjust(image, 255).tolist() == [[255] * 7]
        assert imgsvc.adjust(image, -255).tolist() == [[0] * 7]
        assert imgsvc.adjust(image, 0, 100).tolist() == [[0, 0, 0, 78, 178, 255, 255]]  # 77.5, 177.5
        rgba = np.array([[[0, 1, 2, 3]]], np.uint8)
        assert imgsvc.adjust(rgba, 10).tolist() == [[[10, 11, 12, 3]]]

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_alpha_stays_at_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, (*shape[:2], 4), dtype=np.uint8)
        result = imgsvc.adjust(image, 5, 2, num_threads=2)
        np.testing.assert_array_equal(result, reference.adjust(image, 5, 2))

    def test_every_remainder_of_a_row(self, isa, rng):
        for width, channels in itertools.product(WIDTHS, CHANNELS):
            # Every second row, so that rows do not join.
            image = rng.integers(0, 256, (4, width, *channels), dtype=np.uint8)[::2]
            np.testing.assert_array_equal(imgsvc.adjust(image, 5, 2), reference.adjust(image, 5, 2))

    @pytest.mark.parametrize("value", [-255.5, 256, 10**400, math.nan, math.inf, True, "1", None, 1j])
    def test_another_brightness(self, photo, value):
        with pytest.raises(
            InvalidParameterError, match="^brightness: .*, expected a number from -255 to 255$"
        ):
            imgsvc.adjust(photo, value)

    @pytest.mark.parametrize("value", [-0.1, 100.5, 10**400, math.nan, math.inf, True, "1", None, 1j])
    def test_another_contrast(self, photo, value):
        with pytest.raises(InvalidParameterError, match="^contrast: .*, expected a number from 0 to 100$"):
            imgsvc.adjust(photo, contrast=value)

    def test_equal_numbers_are_equal_parameters(self):
        assert Adjust(1, 2) == Adjust(np.float32(1), Fraction(2))
        assert hash(Adjust(1, 2)) == hash(Adjust(1.0, 2.0))

    @pytest.mark.parametrize(("brightness", "contrast"), [(0, 1), (20, 0.5), (9.3, 0.8), (200.1, 1.7)])
    def test_is_opencv_s_but_for_one_level(self, isa, photo, brightness, contrast):
        """1 at most, at ties and near them: convertScaleAbs computes with floats, and makes -3 a 3."""
        cv2 = pytest.importorskip("cv2")
        theirs = cv2.convertScaleAbs(photo, None, contrast, 127.5 - 127.5 * contrast + brightness)
        assert np.abs(imgsvc.adjust(photo, brightness, contrast).astype(int) - theirs).max() <= 1


def exact_gamma_table(gamma):
    """The table by as many digits as nobody needs."""
    with decimal.localcontext(decimal.Context(prec=70)):
        return bytes(
            int((255 * (decimal.Decimal(value) / 255) ** decimal.Decimal(gamma)).to_integral_value())
            for value in range(256)
        )


class TestGamma:
    @per_isa
    @given(image=images, gamma=st.floats(0.01, 100))
    def test_equals_the_reference(self, isa, image, gamma):
        np.testing.assert_array_equal(imgsvc.gamma(image, gamma), reference.gamma(image, gamma))

    @pytest.mark.parametrize("gamma", [0.01, 1 / 2.2, 0.5, 1.0, 2.0, 2.2, 2.4, 100.0])
    def test_the_table_is_exact(self, gamma):
        assert gamma_table(gamma) == exact_gamma_table(gamma)

    def test_what_floats_cannot_tell_from_a_tie_is_exact(self):
        """The exponents next to those that make a value of 200 or 20 a tie."""
        for value, below in [(200, 180), (200, 201), (20, 10), (20, 43), (128, 64)]:
            gamma = math.log((below + 0.5) / 255) / math.log(value / 255)
            results = set()
            for near in (
                gamma - 1e-9,
                *(gamma + ulps * math.ulp(gamma) for ulps in range(-1, 2)),
                gamma + 1e-9,
            ):
                assert gamma_table(near) == exact_gamma_table(near)
                results.add(gamma_table(near)[value])
            assert results == {below, below + 1}

    def test_the_process_s_decimal_context_does_not_matter(self):
        gamma = math.log(180.5 / 255) / math.log(200 / 255)
        gamma_table.cache_clear()
        with decimal.localcontext(decimal.Context(prec=3, traps=[decimal.Inexact])):
            table = gamma_table(gamma)
        assert table == exact_gamma_table(gamma)

    def test_golden_vectors(self, isa):
        image = np.array([[0, 1, 64, 128, 254, 255]], np.uint8)
        assert imgsvc.gamma(image, 1).tolist() == image.tolist()
        assert imgsvc.gamma(image, 0.5).tolist() == [[0, 16, 128, 181, 254, 255]]
        assert imgsvc.gamma(image, 2).tolist() == [[0, 0, 16, 64, 253, 255]]
        assert imgsvc.gamma(np.array([[[64, 128, 255, 64]]], np.uint8), 0.5).tolist() == [
            [[128, 181, 255, 64]]
        ]

    @pytest.mark.parametrize("gamma", [0, 0.009, -1, 100.5, 10**400, math.nan, math.inf, True, "1", None, 1j])
    def test_another_gamma(self, photo, gamma):
        with pytest.raises(InvalidParameterError, match="^gamma: .*, expected a number from 0.01 to 100$"):
            imgsvc.gamma(photo, gamma)

    def test_equal_numbers_are_equal_parameters(self):
        assert Gamma(2) == Gamma(2.0) == Gamma(np.float32(2))


class TestGrayscale:
    @per_isa
    @given(image=images)
    def test_equals_the_reference(self, isa, image):
        np.testing.assert_array_equal(imgsvc.grayscale(image), reference.grayscale(image))

    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", EDGE_SHAPES, ids=str)
    def test_edges_at_every_thread_count(self, isa, rng, shape, channels):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        expected = reference.grayscale(image)
        for num_threads in THREADS:
            np.testing.assert_array_equal(imgsvc.grayscale(image, num_threads=num_threads), expected)

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        np.testing.assert_array_equal(imgsvc.grayscale(image, num_threads=2), reference.grayscale(image))

    def test_every_remainder_of_a_row(self, isa, rng):
        for width, channels in itertools.product(WIDTHS, CHANNELS):
            # Every second row, so that rows do not join.
            image = rng.integers(0, 256, (4, width, *channels), dtype=np.uint8)[::2]
            np.testing.assert_array_equal(imgsvc.grayscale(image), reference.grayscale(image))

    def test_every_colour(self, isa):
        """With the sums that are ties, of which there are some to round up and some to round down."""
        image = np.empty((256, 256, 3), np.uint8)
        image[..., 1], image[..., 2] = np.mgrid[:256, :256]
        sums = np.add.outer(19235 * np.arange(256), 3735 * np.arange(256))
        ties = []
        for red in range(256):
            image[..., 0] = red
            expected = reference.grayscale(image)
            np.testing.assert_array_equal(imgsvc.grayscale(image), expected)
            total = sums + 9798 * red
            ties.extend(expected[total % 32768 == 16384] - (total[total % 32768 == 16384] >> 15))
            ideal = 0.299 * red + 0.587 * image[..., 1] + 0.114 * image[..., 2]
            assert np.abs(expected - ideal).max() < 0.505
        assert set(ties) == {0, 1}

    def test_golden_vectors(self, isa):
        image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [1, 2, 3]]], np.uint8)
        assert imgsvc.grayscale(image).tolist() == [[76, 150, 29, 255, 2]]
        assert imgsvc.grayscale(np.dstack([image, image[..., :1]])).tolist() == [[76, 150, 29, 255, 2]]

    def test_gray_is_copied(self, isa, photo):
        for image in (photo[..., 0], photo[..., :1]):
            result = imgsvc.grayscale(image)
            np.testing.assert_array_equal(result, photo[..., 0])
            assert not np.shares_memory(result, photo)

    def test_output_shape(self):
        for shape in [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)]:
            assert Grayscale().output_shape(shape) == (5, 7)

    def test_is_opencv_s_but_for_one_level(self, isa, photo):
        """1 at most: OpenCV has the same weights, and rounds ties up."""
        cv2 = pytest.importorskip("cv2")
        theirs = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
        assert np.abs(imgsvc.grayscale(photo).astype(int) - theirs).max() <= 1

    def test_is_pillow_s_but_for_one_level(self, isa, photo):
        """1 at most: Pillow's weights have 16 bits, and it rounds ties up."""
        theirs = np.asarray(PillowImage.fromarray(photo).convert("L"))
        assert np.abs(imgsvc.grayscale(photo).astype(int) - theirs).max() <= 1
