"""The mean of a neighbourhood against its reference, on every instruction set this machine has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations.borders import BORDERS
from imgsvc.operations.mean import MAX_NARROW_RADIUS, MAX_RADIUS, division_by
from tests import reference
from tests.operations.images import CHANNELS, CHUNK_SHAPES, EDGE_SHAPES, THREADS, images, per_isa


class TestMeanFilter:
    @per_isa
    @given(image=images)
    def test_equals_the_reference(self, isa, image):
        np.testing.assert_array_equal(imgsvc.mean_filter(image), reference.mean_filter(image))

    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", EDGE_SHAPES, ids=str)
    def test_tile_edges_at_every_thread_count(self, isa, rng, shape, channels):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        expected = reference.mean_filter_large(image)
        for num_threads in THREADS:
            np.testing.assert_array_equal(imgsvc.mean_filter(image, num_threads=num_threads), expected)

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        np.testing.assert_array_equal(
            imgsvc.mean_filter(image, num_threads=2), reference.mean_filter_large(image)
        )

    @pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
    @pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (30, 40, 3)], ids=str)
    def test_a_flat_image_stays_as_it_is(self, isa, shape, value):
        image = np.full(shape, value, np.uint8)
        np.testing.assert_array_equal(imgsvc.mean_filter(image), image)

    def test_every_sum_is_divided_exactly(self, isa):
        """A pixel whose window sums to t, for each count of pixels and each t that it can sum to."""
        for rows, columns in ((3, 3), (2, 3), (3, 2), (1, 3), (3, 1), (2, 2), (1, 2), (2, 1), (1, 1)):
            totals = np.arange(rows * columns * 255 + 1)
            windows = np.stack([(totals + i) // (rows * columns) for i in range(rows * columns)], axis=-1)
            # Side by side in the channels of nothing: each window is an image of its own.
            for total, window in zip(totals, windows.astype(np.uint8), strict=True):
                result = imgsvc.mean_filter(window.reshape(rows, columns))
                assert result[rows // 2, columns // 2] == total // (rows * columns)

    def test_golden_vector(self, isa):
        image = np.array([[13, 14, 15], [11, 12, 13], [7, 8, 9]], np.uint8)
        expected = [[12, 13, 13], [10, 11, 11], [9, 10, 10]]
        assert imgsvc.mean_filter(image).tolist() == expected
        assert imgsvc.mean_filter(np.dstack([image] * 3))[..., 1].tolist() == expected

    def test_golden_vector_of_colours(self, isa):
        image = np.array([[[0, 100, 255], [10, 101, 255], [21, 103, 250]]], np.uint8)
        assert imgsvc.mean_filter(image).tolist() == [[[5, 100, 255], [10, 101, 253], [15, 102, 252]]]

    def test_channels_do_not_mix(self, isa, rng):
        image = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
        result = imgsvc.mean_filter(image, alpha="channel")
        for channel in range(4):
            np.testing.assert_array_equal(result[..., channel], imgsvc.mean_filter(image[..., channel]))


class TestBoxBlur:
    @pytest.mark.parametrize("border", BORDERS)
    @per_isa
    @given(image=images, radius=st.integers(0, 60))
    def test_equals_the_reference(self, isa, border, image, radius):
        np.testing.assert_array_equal(
            imgsvc.box_blur(image, radius, border=border), reference.box_blur(image, radius, border)
        )

    @pytest.mark.parametrize("radius", [*range(1, MAX_NARROW_RADIUS + 2), 60])
    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", [(300, 700), (3, 2049), (2100, 5)], ids=str)
    def test_tile_edges_at_every_thread_count(self, isa, rng, shape, channels, radius):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        expected = reference.box_blur(image, radius, "reflect101")
        for num_threads in THREADS:
            np.testing.assert_array_equal(imgsvc.box_blur(image, radius, num_threads=num_threads), expected)

    def test_the_largest_window(self, isa, rng):
        image = rng.integers(0, 256, (70, 50), dtype=np.uint8)
        np.testing.assert_array_equal(
            imgsvc.box_blur(image, MAX_RADIUS, border="wrap"), reference.box_blur(image, MAX_RADIUS, "wrap")
        )
        white = np.full((70, 50), 255, np.uint8)
        np.testing.assert_array_equal(imgsvc.box_blur(white, MAX_RADIUS), white)

    @pytest.mark.parametrize("radius", [*range(1, 12), 50, 127, 128, 1000, MAX_RADIUS])
    def test_every_division_is_exact(self, radius):
        """At every sum where the quotient changes, and beside it."""
        divisor = (2 * radius + 1) ** 2
        multiplier, shift, narrow = division_by(divisor)
        steps = [quotient * divisor - divisor // 2 for quotient in range(256)]
        for total in {0, 255 * divisor, *steps, *(step - 1 for step in steps)} - {-1 - divisor // 2}:
            if total >= 0:
                rounded = (2 * total + divisor) // (2 * divisor)
                assert ((total + divisor // 2) * multiplier) >> shift == rounded
        bits = 16 if narrow else 32
        assert 255 * divisor + divisor // 2 < 1 << bits
        assert multiplier < 1 << bits
        assert narrow == (radius <= MAX_NARROW_RADIUS)

    @pytest.mark.parametrize("radius", range(MAX_NARROW_RADIUS + 1, 61))
    def test_every_division_by_a_float_is_exact(self, isa, radius):
        """At the sums where the quotient changes: of windows that are images, seen over and over."""
        side = 2 * radius + 1
        for level in (0, 1, 2, 127, 254):
            # The border repeats the image, so that each window holds each of its pixels once.
            for brighter in (side**2 // 2, side**2 // 2 + 1):
                image = np.full(side**2, level, np.uint8)
                image[:brighter] += 1
                result = imgsvc.box_blur(image.reshape(side, side), radius, border="wrap")
                assert (result == level + (2 * brighter > side**2)).all()

    def test_there_is_a_division_for_every_radius(self):
        for radius in range(1, MAX_RADIUS + 1):
            assert division_by((2 * radius + 1) ** 2).multiplier < 1 << 32

    def test_golden_vector(self, isa):
        image = np.zeros((3, 5), np.uint8)
        image[1, 2] = 100
        assert imgsvc.box_blur(image, 1, border="constant").tolist() == [[0, 11, 11, 11, 0]] * 3

    def test_radius_0_is_a_copy(self, isa, photo):
        np.testing.assert_array_equal(imgsvc.box_blur(photo, 0), photo)

    def test_equals_opencv_within_a_level(self, isa, photo):
        """OpenCV multiplies by a reciprocal in float."""
        cv2 = pytest.importorskip("cv2", reason="OpenCV is in the extra [bench]")
        for radius in (1, 3, 7, 20):
            ours = imgsvc.box_blur(photo, radius).astype(int)
            assert np.abs(ours - cv2.blur(photo, (2 * radius + 1,) * 2)).max() <= 1

    @pytest.mark.parametrize("radius", [-1, 1501, 10**30, np.True_, 1.0, True, "1", None])
    def test_radius_out_of_range(self, photo, radius):
        with pytest.raises(InvalidParameterError, match="^radius: .*, expected an integer from 0 to 1500$"):
            imgsvc.box_blur(photo, radius)

    def test_an_unknown_border(self, photo):
        with pytest.raises(InvalidParameterError, match="^border: 'edge', expected one of 'constant', "):
            imgsvc.box_blur(photo, 1, border="edge")
