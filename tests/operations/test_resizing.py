"""Resizing against the formula, Pillow and OpenCV, on every instruction set this machine has."""

import contextlib
import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import imgsvc
from imgsvc._stop import Stop
from imgsvc.errors import InvalidParameterError, StoppedError
from imgsvc.operations import Resize, filters
from tests import reference
from tests.operations.images import CHANNELS, THREADS, images, per_isa

PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
RESAMPLES = pytest.mark.parametrize("resample", PILLOW)
FILTERS = pytest.mark.parametrize("resample", filters.FILTERS)
sizes = st.integers(1, 50)

# Around groups of 16 rows, tiles of 256 columns, strips of 1024 bytes and batches of 64 rows.
EDGE_SIZES = [
    ((1, 1), (3, 2)), ((1, 40), (1, 7)), ((40, 1), (100, 2)), ((3, 50), (15, 50)), ((20, 9), (16, 33)),
    ((20, 9), (17, 34)), ((40, 70), (33, 1)), ((2, 200), (1, 255)), ((2, 200), (1, 257)),
    ((2, 700), (1, 600)), ((2, 341), (3, 40)), ((2, 342), (3, 40)), ((2, 1025), (3, 40)),
    ((2, 2050), (5, 3)), ((63, 5), (1, 4)), ((64, 5), (1, 9)), ((65, 5), (1, 4)), ((200, 30), (1, 5)),
    ((300, 8), (2, 8)), ((9, 1100), (9, 513)),
]  # fmt: skip


def difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def by_pillow(image, width, height, resample):
    return np.asarray(Image.fromarray(image).resize((width, height), PILLOW[resample]))


class TestResize:
    @per_isa
    @given(image=images, width=sizes, height=sizes, resample=st.sampled_from(list(PILLOW)))
    def test_equals_the_reference(self, isa, image, width, height, resample):
        np.testing.assert_array_equal(
            imgsvc.resize(image, width=width, height=height, resample=resample),
            reference.resize(image, width, height, resample),
        )

    @RESAMPLES
    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize(("shape", "size"), EDGE_SIZES, ids=str)
    def test_edges_at_every_thread_count(self, isa, rng, shape, size, channels, resample):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        height, width = size
        expected = reference.resize(image, width, height, resample)
        for num_threads in THREADS:
            result = imgsvc.resize(
                image, width=width, height=height, resample=resample, num_threads=num_threads
            )
            np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("size", [(1, 40), (3, 40), (2, 1)], ids=str)
    def test_chunks_that_read_much(self, isa, rng, size):
        """Rows of the result for which the source has more than 1 MB, and more than 4 MB."""
        image = rng.integers(0, 256, (1100, 1400, 4), dtype=np.uint8)
        height, width = size
        for resample in ("box", "bilinear"):
            np.testing.assert_array_equal(
                imgsvc.resize(image, width=width, height=height, resample=resample, num_threads=2),
                reference.resize(image, width, height, resample),
            )

    def test_golden_vectors(self, isa):
        """By the formula; Pillow has the same."""
        row = np.array([[10, 20, 30, 40]], np.uint8)
        for resample, expected in [
            ("nearest", [20, 40]),
            ("box", [15, 35]),
            ("bilinear", [17, 33]),  # (3*10 + 3*20 + 30) / 7
            ("bicubic", [16, 34]),
            ("lanczos", [15, 35]),
        ]:
            assert imgsvc.resize(row, width=2, height=1, resample=resample).tolist() == [expected]
        for resample, expected in [
            ("nearest", [0, 0, 100, 100]),
            ("box", [0, 0, 100, 100]),
            ("bilinear", [0, 25, 75, 100]),
            ("bicubic", [0, 21, 79, 109]),
            ("lanczos", [0, 23, 77, 118]),
        ]:
            image = np.array([[0, 100]], np.uint8)
            assert imgsvc.resize(image, width=4, height=1, resample=resample).tolist() == [expected]

    def test_halves_are_rounded_to_even(self, isa):
        image = np.array([[0, 1, 1, 2, 2, 3, 254, 255]], np.uint8)
        assert imgsvc.resize(image, width=4, height=1, resample="box").tolist() == [[0, 2, 2, 254]]

    @RESAMPLES
    def test_the_same_size_is_a_copy(self, isa, photo, resample):
        result = imgsvc.resize(photo, width=photo.shape[1], height=photo.shape[0], resample=resample)
        np.testing.assert_array_equal(result, photo)
        assert not np.shares_memory(result, photo)

    @FILTERS
    def test_the_same_height_or_width(self, isa, photo, resample):
        height, width = photo.shape[:2]
        for new_height, new_width in [(height, 20), (30, width)]:
            np.testing.assert_array_equal(
                imgsvc.resize(photo, width=new_width, height=new_height, resample=resample),
                reference.resize(photo, new_width, new_height, resample),
            )

    @FILTERS
    def test_one_colour_stays(self, isa, resample):
        for shape, width, height in [
            ((7, 11), 100, 3),
            ((100, 3), 7, 11),
            ((5, 16000), 3, 4),
            ((30, 31), 29, 32),
        ]:
            for value in (0, 1, 77, 128, 254, 255):
                image = np.full(shape, value, np.uint8)
                assert (imgsvc.resize(image, width=width, height=height, resample=resample) == value).all()

    @FILTERS
    def test_differs_little_from_the_real_valued_result(self, isa, rng, resample):
        """By 0.5 and, for each of the weights, 1/32768."""
        for shape, height, width in [((50, 60), 20, 31), ((20, 31), 50, 60), ((3, 5000), 2, 3)]:
            image = rng.integers(0, 256, shape, dtype=np.uint8)
            matrices = []
            for source, result in zip(shape, (height, width), strict=True):
                matrix = np.zeros((result, source))
                _, function = reference.FILTERS[resample]
                stretch = max(source / result, 1)
                for x, (start, weights) in enumerate(reference.resize_weights(source, result, resample)):
                    centre = (x + 0.5) * source / result
                    window = range(start, start + len(weights))
                    matrix[x, start : start + len(weights)] = [
                        function((t + 0.5 - centre) / stretch) for t in window
                    ]
                matrices.append(matrix / matrix.sum(axis=1, keepdims=True))
            ideal = np.clip(matrices[0] @ image @ matrices[1].T, 0, 255)
            taps = sum(np.count_nonzero(matrix, axis=1).max() for matrix in matrices)
            result = imgsvc.resize(image, width=width, height=height, resample=resample)
            assert np.abs(result - ideal).max() <= 0.5 + taps / 32768

    def test_channels_do_not_mix(self, isa, rng):
        image = rng.integers(0, 256, (33, 47, 4), dtype=np.uint8)
        result = imgsvc.resize(image, width=30, height=40, resample="lanczos", alpha="channel")
        for channel in range(4):
            gray = np.ascontiguousarray(image[..., channel])
            np.testing.assert_array_equal(
                result[..., channel], imgsvc.resize(gray, width=30, height=40, resample="lanczos")
            )

    @pytest.mark.parametrize("resample", ["nearest", "lanczos"])
    def test_a_deadline_on_the_way_leaves_the_rest_undone(self, resample):
        image = np.zeros((1000, 1000, 3), np.uint8)
        operation = Resize(width=5000, height=5000, resample=resample)
        done = 0
        for seconds in (0.001, 0.003, 0.01, 0.03, 0.1):  # a busy machine may not even begin in the first
            out = np.full((5000, 5000, 3), 0xA5, np.uint8)
            with contextlib.suppress(StoppedError):
                operation(image, out=out, num_threads=1, stop=Stop(seconds))
            done = np.count_nonzero(out == 0)
            if done:
                break
        assert 0 < done < out.size


class TestPillow:
    @per_isa
    @given(image=images, width=sizes, height=sizes, resample=st.sampled_from(["box", "bilinear"]))
    def test_weights_without_negative_ones(self, isa, image, width, height, resample):
        """At most one level: Pillow rounds to bytes between the passes."""
        gray = image.reshape(image.shape[0], -1)
        result = imgsvc.resize(gray, width=width, height=height, resample=resample)
        assert difference(result, by_pillow(gray, width, height, resample)) <= 1

    @FILTERS
    def test_noise_in_a_middle_range(self, isa, rng, resample):
        """At most one level where Pillow has nothing to clamp between the passes."""
        for _ in range(40):
            height, width, new_height, new_width = map(int, rng.integers(1, 90, 4))
            image = rng.integers(64, 192, (height, width, 3), dtype=np.uint8)
            result = imgsvc.resize(image, width=new_width, height=new_height, resample=resample)
            assert difference(result, by_pillow(image, new_width, new_height, resample)) <= 1

    @FILTERS
    def test_one_axis_of_noise(self, isa, rng, resample):
        """At most one level, where Pillow has one pass."""
        for _ in range(40):
            height, width, new_height, new_width = map(int, rng.integers(1, 90, 4))
            image = rng.integers(0, 256, (height, width), dtype=np.uint8)
            for size in [(width, new_height), (new_width, height)]:
                result = imgsvc.resize(image, width=size[0], height=size[1], resample=resample)
                assert difference(result, by_pillow(image, *size, resample)) <= 1

    @pytest.mark.parametrize(("resample", "most"), [("bicubic", 30), ("lanczos", 60)])
    def test_noise_of_black_and_white(self, isa, rng, resample, most):
        """Pillow clamps between the passes: 24 and 45 levels are the most that were seen."""
        for _ in range(40):
            height, width, new_height, new_width = map(int, rng.integers(1, 90, 4))
            image = rng.integers(0, 256, (height, width), dtype=np.uint8)
            result = imgsvc.resize(image, width=new_width, height=new_height, resample=resample)
            assert difference(result, by_pillow(image, new_width, new_height, resample)) <= most

    @pytest.mark.parametrize(
        ("shape", "width", "height"),
        [((40, 60), 15, 13), ((97, 61), 64, 40), ((7, 9), 36, 63), ((50, 50), 1, 1)],
    )
    def test_nearest(self, isa, rng, shape, width, height):
        """The same where no centre lies between two pixels; there Pillow's sum of steps decides."""
        image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        result = imgsvc.resize(image, width=width, height=height, resample="nearest")
        np.testing.assert_array_equal(result, by_pillow(image, width, height, "nearest"))


class TestOpenCV:
    @pytest.fixture(autouse=True)
    def installed(self):
        self.cv2 = pytest.importorskip("cv2", reason="OpenCV is in the extra [bench]")

    def test_area_is_box_for_whole_factors(self, isa, rng):
        """At most one level: OpenCV rounds halves up or to even, by the factor."""
        for factor in (2, 3, 5):
            image = rng.integers(0, 256, (12 * factor, 17 * factor, 3), dtype=np.uint8)
            expected = self.cv2.resize(image, (17, 12), interpolation=self.cv2.INTER_AREA)
            assert difference(imgsvc.resize(image, width=17, height=12, resample="box"), expected) <= 1

    def test_linear_is_bilinear_for_larger_images(self, isa, rng):
        """At most one level: OpenCV's weights have 11 bits. Smaller images it does not filter."""
        image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        for width, height in [(80, 60), (90, 77), (41, 300)]:
            expected = self.cv2.resize(image, (width, height), interpolation=self.cv2.INTER_LINEAR)
            assert difference(imgsvc.resize(image, width=width, height=height), expected) <= 1

    def test_nearest(self, isa, rng):
        """The same where no centre lies between two pixels; there OpenCV's fixed-point steps decide."""
        image = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        expected = self.cv2.resize(image, (15, 13), interpolation=self.cv2.INTER_NEAREST_EXACT)
        result = imgsvc.resize(image, width=15, height=13, resample="nearest")
        np.testing.assert_array_equal(result, expected)


class TestWindows:
    @FILTERS
    def test_they_are_the_reference_s(self, resample):
        for source, result in [
            (1, 9),
            (9, 1),
            (10, 7),
            (7, 10),
            (97, 31),
            (31, 97),
            (1000, 999),
            (100_001, 2),
        ]:
            windows = filters.windows(source, result, resample)
            for x, (start, weights) in enumerate(reference.resize_weights(source, result, resample)):
                count = len(weights)
                assert (windows.starts[x], windows.counts[x]) == (start, count)
                assert windows.weights[x].tolist() == weights + [0] * (windows.weights.shape[1] - count)

    def test_their_bits_are_the_same_everywhere(self):
        digest = hashlib.sha256()
        for resample in filters.FILTERS:
            for source, result in [(640, 480), (480, 640), (4000, 799), (3, 1000)]:
                digest.update(filters.windows(source, result, resample).weights.astype("<f4").tobytes())
        assert digest.hexdigest() == "ce4e1c01b96168f9331865ccc46d1e563ca95c925daeb653db44ef88dbbac0b7"

    @FILTERS
    def test_none_is_empty(self, rng, resample):
        for source, result in rng.integers(1, 3000, (100, 2)).tolist():
            windows = filters._windows(source, result, resample)
            assert windows.counts.min() >= 1
            assert windows.starts.min() >= 0
            assert (windows.starts + windows.counts).max() <= source
            assert windows.weights.shape[1] <= filters.most_taps(source, result, resample)
            np.testing.assert_allclose(windows.weights.sum(axis=1, dtype=float), 1, atol=1e-5)

    def test_large_ones_are_not_kept(self):
        assert filters.windows(50, 20, "box") is filters.windows(50, 20, "box")
        assert filters.windows(300_000, 20, "box") is not filters.windows(300_000, 20, "box")
        assert filters.nearest(50, 20) is filters.nearest(50, 20)

    def test_nobody_writes_to_what_others_get(self):
        for array in (
            *filters.windows(50, 20, "box"),
            *filters.windows(20, 20, "box"),
            filters.nearest(50, 20),
        ):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1

    def test_nearest_of_a_large_axis(self):
        columns = filters.nearest(1 << 62, 1000)
        assert columns.tolist() == [(2 * x + 1) * (1 << 62) // 2000 for x in range(1000)]


class TestParameters:
    def test_width_and_height_by_their_places(self, photo):
        expected = imgsvc.resize(photo, width=20, height=10)
        for _ in range(3):  # the first call is the function's, the others the door's
            np.testing.assert_array_equal(imgsvc.resize(photo, 20, 10), expected)
            np.testing.assert_array_equal(imgsvc.resize(photo, 20, height=10), expected)
            np.testing.assert_array_equal(
                imgsvc.resize(photo, 20, resample="box"), imgsvc.resize(photo, width=20, resample="box")
            )
            with pytest.raises(TypeError, match="takes from 1 to 3 positional arguments but 4 were given"):
                imgsvc.resize(photo, 20, 10, "box")

    @pytest.mark.parametrize(
        ("shape", "width", "height", "expected"),
        [
            ((30, 40), 20, None, (15, 20)),
            ((30, 40), None, 60, (60, 80)),
            ((3, 2), 1, None, (2, 1)),  # 1.5
            ((5, 2), 1, None, (2, 1)),  # 2.5
            ((7, 2), 1, None, (4, 1)),  # 3.5
            ((1, 1000), 10, None, (1, 10)),
            ((1000, 1), None, 10, (10, 1)),
            ((3, 3, 4), 2, 5, (5, 2, 4)),
        ],
    )
    def test_the_aspect_ratio_is_kept(self, shape, width, height, expected):
        assert Resize(width=width, height=height).output_shape(shape) == expected
        assert imgsvc.resize(np.zeros(shape, np.uint8), width=width, height=height).shape == expected

    def test_neither_width_nor_height(self):
        with pytest.raises(
            InvalidParameterError,
            match="^width, height: neither is set, expected one of them at least, or scale$",
        ):
            Resize()

    @pytest.mark.parametrize("field", ["width", "height"])
    @pytest.mark.parametrize(
        "value", [0, -1, 1 << 30 | 1, 10**30, 1.0, math.nan, math.inf, True, "1", np.ones(2), [1]], ids=repr
    )
    def test_a_size_that_is_none(self, photo, field, value):
        expected = "an integer from 1 to 1073741824; leave it out to keep the aspect ratio$"
        with pytest.raises(InvalidParameterError, match=rf"^{field}: .*, expected {expected}"):
            imgsvc.resize(photo, **{field: value})

    @pytest.mark.parametrize("resample", ["linear", "", None, 1, math.nan, ["box"], "BOX"])
    def test_a_filter_that_is_none(self, photo, resample):
        expected = "one of 'nearest', 'box', 'bilinear', 'bicubic', 'lanczos'$"
        with pytest.raises(InvalidParameterError, match=rf"^resample: .*, expected {expected}"):
            imgsvc.resize(photo, width=3, resample=resample)

    def test_a_result_beyond_reason(self):
        with pytest.raises(
            InvalidParameterError,
            match=r"^width, height: a result of 1000000000×2000000000 pixels, "
            r"expected at most 1073741824 a side and 1099511627776 bytes$",
        ):
            Resize(width=1_000_000_000).output_shape((2, 1))

    @pytest.mark.parametrize(
        ("operation", "shape", "what"),
        [
            (
                Resize(1, 1, "box"),
                (1, 70_000),
                "width: 1 for an image of width 70000, expected one for which 'box'",
            ),
            (
                Resize(5, 5),
                (200_000, 5),
                "height: 5 for an image of height 200000, expected one for which 'bilinear'",
            ),
            (Resize(3 << 20, 1, "lanczos"), (1, 2 << 20), "width: 3145728 for an image of width 2097152, "),
            (Resize(1 << 25, 1, "nearest"), (1, 1), "width: 33554432 for an image of width 1, "),
        ],
    )
    def test_more_weights_than_are_made(self, operation, shape, what):
        end = " needs at most 65536 weights a pixel, and 16777216 in all$"
        with pytest.raises(InvalidParameterError, match=rf"^{what}.*{end}"):
            operation.output_shape(shape)

    def test_sizes_are_integers_of_python(self):
        operation = Resize(np.int64(3), np.uint8(4))
        assert operation == Resize(3, 4)
        assert type(operation.width) is type(operation.height) is int


def test_making_many_windows_is_stopped():
    stop = Stop()
    stop.cancel()
    with pytest.raises(StoppedError, match="^cancelled before the result was ready$"):
        filters.windows(100, 2_000_000, "lanczos", stop)
    with pytest.raises(StoppedError, match="^not ready by its deadline$"):
        filters.windows(100, 2_000_000, "lanczos", Stop(0))
