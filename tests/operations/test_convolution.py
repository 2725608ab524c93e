"""Convolution against its references, on every instruction set this machine has."""

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import Convolve
from imgsvc.operations.borders import BORDERS
from imgsvc.operations.convolution import taps_of
from tests import reference
from tests.operations.images import CHANNELS, THREADS, images, per_isa

numbers = st.floats(-4, 4, allow_subnormal=False)
matrices = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=numbers)


def is_separable(weights):
    return len(taps_of(Convolve(weights).weights).across) > 0


class TestDense:
    @pytest.mark.parametrize("border", BORDERS)
    @per_isa
    @given(image=images, weights=matrices, bias=st.floats(-300, 300))
    def test_equals_the_reference(self, isa, border, image, weights, bias):
        if not is_separable(weights):
            np.testing.assert_array_equal(
                imgsvc.convolve(image, weights, bias=bias, border=border),
                reference.convolve(image, weights, bias, border),
            )

    @pytest.mark.parametrize("window", [(1, 1), (3, 3), (5, 5), (7, 7), (2, 6), (31, 1), (1, 31), (31, 31)])
    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", [(1, 1), (4, 1000), (300, 5), (150, 260)], ids=str)
    def test_tile_edges_at_every_thread_count(self, isa, rng, shape, channels, window):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        weights = rng.uniform(-1, 1, window)
        weights *= 3 / np.abs(weights).sum()
        expected = reference.convolve(image, weights, 20.0, "reflect")
        for num_threads in THREADS:
            result = imgsvc.convolve(image, weights, bias=20.0, border="reflect", num_threads=num_threads)
            np.testing.assert_array_equal(result, expected)

    def test_golden_vectors(self, isa):
        image = np.array([[10, 20, 40], [50, 90, 60], [70, 80, 30]], np.uint8)
        laplace = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
        assert imgsvc.convolve(image, laplace, bias=128, border="constant").tolist() == [
            [158, 188, 48],
            [98, 0, 48],
            [0, 0, 148],
        ]
        shift = [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
        assert imgsvc.convolve(image, shift, border="wrap").tolist() == np.roll(image, -1, axis=1).tolist()

    def test_halves_go_to_even(self, isa):
        image = np.array([[1, 2, 3, 4, 5, 6, 255]], np.uint8)
        assert imgsvc.convolve(image, [[0.5]]).tolist() == [[0, 1, 2, 2, 2, 3, 128]]
        assert imgsvc.convolve(image, [[1]], bias=0.5).tolist() == [[2, 2, 4, 4, 6, 6, 255]]
        assert imgsvc.convolve(image, [[1]], bias=-2.5).tolist() == [[0, 0, 0, 2, 2, 4, 252]]

    def test_no_weight_at_all(self, isa, photo):
        assert (imgsvc.convolve(photo, np.zeros((5, 5)), bias=7.4) == 7).all()

    def test_extremes_are_clamped(self, isa, photo):
        huge = np.full((31, 31), 2.0**30)
        assert (imgsvc.convolve(photo, huge, bias=2.0**30) == 255).all()
        assert (imgsvc.convolve(photo, -huge, bias=-(2.0**30)) == 0).all()
        assert (imgsvc.convolve(photo, [[5e-324]]) == 0).all()

    def test_integer_weights_are_exact(self, isa, photo):
        sobel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
        seen = reference.around(photo, 1, 1, 1, 1, "reflect101")
        height, width = photo.shape[:2]
        exact = sum(sobel[j][i] * seen[j : j + height, i : i + width] for j in range(3) for i in range(3))
        np.testing.assert_array_equal(imgsvc.convolve(photo, sobel), exact.clip(0, 255))


class TestSeparable:
    @pytest.mark.parametrize("border", BORDERS)
    @per_isa
    @given(
        image=images,
        column=st.lists(st.floats(0.25, 1), min_size=4, max_size=9),
        row=st.lists(st.floats(-1, -0.25), min_size=4, max_size=9),
    )
    def test_equals_the_reference(self, isa, border, image, column, row):
        weights = np.multiply.outer(column, row) / 6
        assert is_separable(weights) == (len(column) + len(row) + 4 < weights.size)
        if is_separable(weights):
            peak = np.unravel_index(np.abs(weights).argmax(), weights.shape)
            expected = reference.convolve_separable(
                image, weights[:, peak[1]], weights[peak[0]] / weights[peak], 255, border
            )
            result = imgsvc.convolve(image, weights, bias=255, border=border)
            np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("shape", [(4, 1000, 3), (300, 5), (150, 260, 4)], ids=str)
    def test_tile_edges_at_every_thread_count(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        column, row = np.array([0.25, 0.5, 1, 0.5, 0.25]) / 2, np.array([0.125, 0.5, 1, 0.5, 0.25]) / 3
        expected = reference.convolve_separable(image, column * row.max(), row / row.max(), 0, "reflect101")
        for num_threads in THREADS:
            result = imgsvc.convolve(image, np.multiply.outer(column, row), num_threads=num_threads)
            np.testing.assert_array_equal(result, expected)

    def test_nearly_an_outer_product_is_none(self):
        weights = np.multiply.outer([1, 2, 3, 2, 1], [1, 2, 3, 2, 1]) / 81.0
        assert is_separable(weights)
        weights[0, 0] += 1e-6
        assert not is_separable(weights)

    def test_small_windows_stay_whole(self):
        assert not is_separable(np.ones((3, 3)))
        assert not is_separable(np.ones((1, 31)))


@pytest.mark.parametrize("window", [(3, 3), (5, 5), (7, 7), (4, 6), (31, 31)])
@pytest.mark.parametrize("separable", [False, True])
def test_the_difference_from_real_numbers_is_what_the_docstring_says(isa, rng, window, separable):
    image = rng.integers(0, 256, (60, 70), dtype=np.uint8)
    column, row = rng.uniform(-1, 1, window[0]), rng.uniform(-1, 1, window[1])
    weights = np.multiply.outer(column, row) if separable else rng.uniform(-1, 1, window)
    seen = reference.around(image, window[0] // 2, window[1] // 2, *window, "wrap")
    ideal = 100.0 + sum(
        weights[j, i] * seen[j : j + 60, i : i + 70] for j in range(window[0]) for i in range(window[1])
    )
    bound = (weights.size + 2) * 2.0**-23 * (100 + 255 * np.abs(weights).sum()) * (2 if separable else 1)
    result = imgsvc.convolve(image, weights, bias=100.0, border="wrap")
    assert np.abs(result - ideal.clip(0, 255)).max() <= 0.5 + bound


def test_equals_opencv_within_a_level(isa, photo, rng):
    """OpenCV adds up in another order: one pixel in a million differs, by 1."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV is in the extra [bench]")
    for window in ((3, 3), (5, 5), (4, 6), (7, 3)):
        weights = rng.uniform(-1, 1, window)
        ours = imgsvc.convolve(photo, weights, bias=10.0).astype(int)
        assert np.abs(ours - cv2.filter2D(photo, -1, weights, delta=10.0)).max() <= 1


SCIPY_MODES = {
    "constant": "constant", "replicate": "nearest", "reflect": "reflect", "reflect101": "mirror",
    "wrap": "grid-wrap",
}  # fmt: skip


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(
    "window", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (3, 4), (4, 3), (4, 6), (5, 2)], ids=str
)
def test_equals_scipy_as_the_docstring_says(rng, window, border):
    """Whole weights, of which sums are exact, so that nothing but the places of the window can differ."""
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is in the extra [bench]")
    image = rng.integers(0, 256, (23, 29), dtype=np.uint8)
    weights = rng.integers(-3, 4, window).astype(float)
    weights[0, 0] = 2  # what is at an end says where the window is

    def by_scipy(function, weights, **options):
        result = 50 + function(image.astype(float), weights, mode=SCIPY_MODES[border], **options)
        return result.clip(0, 255).astype(np.uint8)

    ours = imgsvc.convolve(image, weights, bias=50, border=border)
    turned = weights[::-1, ::-1]
    even = [size % 2 == 0 for size in window]
    np.testing.assert_array_equal(ours, by_scipy(ndimage.correlate, weights))
    origin = [-1 if each else 0 for each in even]
    np.testing.assert_array_equal(ours, by_scipy(ndimage.convolve, turned, origin=origin))
    assert np.array_equal(ours, by_scipy(ndimage.convolve, turned)) != any(even)

    with_zeros = np.pad(turned, [(int(each), 0) for each in even])
    theirs = by_scipy(ndimage.convolve, weights)
    np.testing.assert_array_equal(imgsvc.convolve(image, with_zeros, bias=50, border=border), theirs)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], r"^weights: \[\], expected a matrix of numbers, 1×1 to 31×31$"),
        ([[]], r"^weights: \[\[\]\], expected a matrix"),
        ([1, 2, 3], r"^weights: \[1, 2, 3\], expected a matrix"),
        (np.ones((3, 3, 3)), r"^weights: an array of shape \(3, 3, 3\), expected a matrix"),
        (np.ones((32, 1)), r"^weights: an array of shape \(32, 1\), expected a matrix"),
        ([[1, 2], [3]], r"^weights: \[\[1, 2\], \[3\]\], expected a matrix"),
        ([["1"]], r"^weights: \[\['1'\]\], expected a matrix"),
        ([[1j]], r"^weights: \[\[1j\]\], expected a matrix"),
        (None, "^weights: None, expected a matrix"),
        ("abc", "^weights: 'abc', expected a matrix"),
        ([[1, math.nan]], r"^weights\[0\]\[1\]: nan, expected a number from -1.07374e\+09 to 1.07374e\+09$"),
        ([[1], [-math.inf]], r"^weights\[1\]\[0\]: -inf, expected a number"),
        ([[2.0**31]], r"^weights\[0\]\[0\]: 2147483648.0, expected a number"),
        ([[10**400]], "^weights: .*, expected a matrix of numbers"),
    ],
    ids=str,
)
def test_weights_that_are_none(photo, weights, message):
    with pytest.raises(InvalidParameterError, match=message):
        imgsvc.convolve(photo, weights)


@pytest.mark.parametrize("bias", [math.nan, math.inf, 1e10, -(10**400), "1", None, True, 1j])
def test_bias_out_of_range(photo, bias):
    with pytest.raises(InvalidParameterError, match="^bias: .*, expected a number from -1.07374e\\+09 to"):
        imgsvc.convolve(photo, [[1]], bias=bias)


def test_an_unknown_border(photo):
    with pytest.raises(InvalidParameterError, match="^border: 5, expected one of 'constant', 'replicate'"):
        imgsvc.convolve(photo, [[1]], border=5)


def test_weights_of_any_kind_are_the_same_operation():
    expected = Convolve([[1, 2], [3, 4]])
    assert Convolve(np.array([[1, 2], [3, 4]], np.uint8)) == expected
    assert Convolve(((1.0, 2.0), (3.0, 4.0))) == expected
    assert hash(Convolve(np.float32([[1, 2], [3, 4]]))) == hash(expected)
