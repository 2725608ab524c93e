"""The library's operations against the references, on every instruction set this machine has."""

import dataclasses
import itertools

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import imgsvc
from imgsvc.errors import InvalidImageError, InvalidParameterError
from imgsvc.operations import MeanFilter, Rotate90
from tests import reference

THREADS = (1, 2, 3, 8)

images = (
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([(), (1,), (3,), (4,)]))
    .map(lambda t: (t[0], t[1], *t[2]))
    .flatmap(lambda shape: hnp.arrays(np.uint8, shape))
)
per_isa = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

# Around the tile of the mean filter (1024 bytes of a row) and the blocks of the rotation (64 x 32 pixels).
EDGE_SHAPES = [
    (1, 1), (1, 2), (2, 1), (2, 2), (1, 5), (5, 1), (3, 3), (2, 7), (7, 2),
    (3, 341), (3, 342), (4, 343), (5, 1024), (5, 1025), (2, 1026), (3, 2051), (1, 3000), (3000, 1),
    (15, 16), (16, 17), (255, 31), (256, 32), (257, 33), (300, 529), (513, 5), (5, 515), (64, 1), (1, 32),
]  # fmt: skip
CHANNELS = [(), (1,), (3,), (4,)]
# Around the chunks of 64 KiB: pairs of rows of the mean filter, and rows; columns of gray, RGB and RGBA.
CHUNK_SHAPES = [
    (rows, columns // channels + more, channels)
    for rows, columns, channels in itertools.product((1, 2, 5), (32768, 65536), (1, 3, 4))
    for more in (-1, 0, 1, 2)
] + [(65537, 1, 1), (33000, 2, 3), (4097, 16, 1), (130, 513, 4)]  # fmt: skip


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


class TestRotate90:
    @per_isa
    @given(image=images, turns=st.integers(-9, 9))
    def test_equals_the_reference(self, isa, image, turns):
        np.testing.assert_array_equal(imgsvc.rotate90(image, turns), reference.rotate90(image, turns))

    @pytest.mark.parametrize("turns", range(4))
    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", EDGE_SHAPES, ids=str)
    def test_block_edges_at_every_thread_count(self, isa, rng, shape, channels, turns):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        expected = reference.rotate90(image, turns)
        for num_threads in THREADS:
            np.testing.assert_array_equal(imgsvc.rotate90(image, turns, num_threads=num_threads), expected)

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        for turns in range(4):
            np.testing.assert_array_equal(
                imgsvc.rotate90(image, turns, num_threads=2), reference.rotate90(image, turns)
            )

    def test_golden_vectors(self, isa):
        image = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
        assert imgsvc.rotate90(image).tolist() == [[3, 6], [2, 5], [1, 4]]
        assert imgsvc.rotate90(image, 2).tolist() == [[6, 5, 4], [3, 2, 1]]
        assert imgsvc.rotate90(image, 3).tolist() == [[4, 1], [5, 2], [6, 3]]
        assert imgsvc.rotate90(image, -1).tolist() == imgsvc.rotate90(image, 3).tolist()

    def test_no_turn_is_a_copy(self, isa, photo):
        result = imgsvc.rotate90(photo, 4)
        np.testing.assert_array_equal(result, photo)
        assert not np.shares_memory(result, photo)

    @pytest.mark.parametrize("turns", [1.0, "1", None])
    def test_turns_must_be_an_integer(self, photo, turns):
        with pytest.raises(InvalidParameterError, match=r"^turns: .*, expected an integer"):
            imgsvc.rotate90(photo, turns)


OPERATIONS = pytest.mark.parametrize("operation", [imgsvc.mean_filter, imgsvc.rotate90])


@OPERATIONS
class TestArrays:
    @pytest.mark.parametrize(
        "view",
        [
            lambda a: a[::-1],
            lambda a: a[:, ::-1],
            lambda a: a[..., ::-1],
            lambda a: a[::2, ::3],
            lambda a: a[5:40, 7:50],
            lambda a: a[..., 1],
            lambda a: a[..., :1],
            lambda a: a.transpose(1, 0, 2),
            np.asfortranarray,
            lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
            lambda a: np.broadcast_to(a[0, 0], (3, 4, 3)),
            lambda a: a[:1, :1],
        ],
    )
    def test_any_strides_in_contiguous_out(self, isa, operation, photo, view):
        result = operation(view(photo))
        np.testing.assert_array_equal(result, operation(np.ascontiguousarray(view(photo))))
        assert result.flags.c_contiguous
        assert result.flags.writeable

    def test_a_read_only_image(self, operation, photo):
        expected = operation(photo)
        photo.flags.writeable = False
        np.testing.assert_array_equal(operation(photo), expected)

    def test_the_image_is_not_changed(self, operation, photo):
        before = photo.copy()
        operation(photo)
        np.testing.assert_array_equal(photo, before)

    def test_out_is_written_and_returned(self, operation, photo):
        expected = operation(photo)
        out = np.zeros_like(expected)
        assert operation(photo, out=out) is out
        np.testing.assert_array_equal(out, expected)

    def test_out_of_the_wrong_shape(self, operation, photo):
        with pytest.raises(InvalidImageError, match=r"^out: uint8 array of shape \(1, 1\), expected a uint8"):
            operation(photo, out=np.zeros((1, 1), np.uint8))

    def test_out_of_the_wrong_dtype(self, operation, photo):
        with pytest.raises(InvalidImageError, match="^out: float64 array of shape"):
            operation(photo, out=np.zeros(operation(photo).shape))

    def test_out_that_is_no_array(self, operation, photo):
        with pytest.raises(InvalidImageError, match="^out: list, expected a uint8 array of shape"):
            operation(photo, out=[])

    def test_out_that_is_strided(self, operation, photo):
        shape = operation(photo).shape
        with pytest.raises(InvalidImageError, match="^out: strided .*C-contiguous"):
            operation(photo, out=np.zeros((shape[0] * 2, *shape[1:]), np.uint8)[::2])

    def test_out_that_is_read_only(self, operation, photo):
        out = np.zeros_like(operation(photo))
        out.flags.writeable = False
        with pytest.raises(InvalidImageError, match="^out: read-only, expected a writable"):
            operation(photo, out=out)

    def test_out_that_overlaps(self, operation):
        square = np.zeros((8, 8), np.uint8)
        with pytest.raises(InvalidImageError, match="^out: overlaps image"):
            operation(square, out=square)

    @pytest.mark.parametrize(
        ("dtype", "advice"),
        [
            (np.float32, r"\(image \* 255\)"),
            (np.uint16, r"image >> 8"),
            (np.bool_, r"\* 255"),
            (np.int64, r"clip\(0, 255\)"),
        ],
    )
    def test_another_dtype_says_how_to_convert(self, operation, dtype, advice):
        with pytest.raises(
            InvalidImageError, match=rf"^image.dtype: {np.dtype(dtype)}, expected uint8: .*{advice}"
        ):
            operation(np.zeros((4, 4), dtype))

    @pytest.mark.parametrize(
        ("shape", "advice"),
        [
            ((4,), "reshape"),
            ((), "reshape"),
            ((4, 4, 2), r"image\[\.\.\., :3\]"),
            ((3, 40, 50), r"moveaxis\(image, 0, -1\)"),
            ((2, 4, 4, 3), "one by one"),
        ],
    )
    def test_another_rank_says_how_to_convert(self, operation, shape, advice):
        with pytest.raises(InvalidImageError, match=rf"^image.shape: .*expected shape \(H, W\).*{advice}"):
            operation(np.zeros(shape, np.uint8))

    @pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0, 3)])
    def test_an_empty_image(self, operation, shape):
        with pytest.raises(InvalidImageError, match="^image.shape: .*at least one row and one column"):
            operation(np.zeros(shape, np.uint8))

    def test_what_is_no_array(self, operation):
        with pytest.raises(InvalidImageError, match="^image: list, expected a NumPy array"):
            operation([[1, 2], [3, 4]])

    @pytest.mark.parametrize("num_threads", [0, -1, 257, 10**30, 1.5, "2"])
    def test_num_threads_out_of_range(self, operation, photo, num_threads):
        with pytest.raises(
            InvalidParameterError, match="^num_threads: .*, expected an integer from 1 to 256"
        ):
            operation(photo, num_threads=num_threads)


def test_operations_are_frozen_and_comparable():
    assert Rotate90(5) == Rotate90(1) == Rotate90(-3)
    assert MeanFilter() == MeanFilter()
    with pytest.raises(dataclasses.FrozenInstanceError):
        Rotate90(1).turns = 2


@pytest.mark.parametrize("turns", range(4))
def test_output_shape(photo, turns):
    assert Rotate90(turns).output_shape(photo.shape) == reference.rotate90(photo, turns).shape
