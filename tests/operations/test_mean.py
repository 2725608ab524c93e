"""The mean of a neighbourhood against its reference, on every instruction set this machine has."""

import numpy as np
import pytest
from hypothesis import given

import imgsvc
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
        result = imgsvc.mean_filter(image)
        for channel in range(4):
            np.testing.assert_array_equal(result[..., channel], imgsvc.mean_filter(image[..., channel]))
