"""Gaussian blur and sharpening against their references, on every instruction set this machine has."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import GaussianBlur, gaussian
from imgsvc.operations.borders import BORDERS
from imgsvc.operations.gaussian import weights_of
from imgsvc.operations.scratch import for_threads
from tests import reference
from tests.operations.images import CHANNELS, THREADS, images, per_isa

SIGMAS = [0.1, 0.3, 0.5, 0.84, 1, 1.7, 2, 3, 4, 4.1, 5, 10, 17.3, 29, 50]


@pytest.mark.parametrize("sigma", SIGMAS)
def test_weights(sigma):
    """Together they are 1, and those of the reference, which takes the C library's exp."""
    values, radius, long_sums = weights_of(sigma)
    expected, bits = reference.gaussian_weights(sigma)
    assert radius == math.ceil(3.5 * sigma)
    assert long_sums == (bits == 17)
    np.testing.assert_array_equal(values[: radius + 1], expected)
    assert not values[radius + 1 :].any()
    assert len(values) == radius + 1 or (long_sums and len(values) == radius + 2)
    assert not (long_sums and len(values) % 2)
    assert values.sum() == 1 << (bits - 1)
    assert (values >= 0).all()


class TestGaussianBlur:
    @pytest.mark.parametrize("border", BORDERS)
    @per_isa
    @given(image=images, sigma=st.floats(0.1, 9))
    def test_equals_the_reference(self, isa, border, image, sigma):
        np.testing.assert_array_equal(
            imgsvc.gaussian_blur(image, sigma, border=border), reference.gaussian_blur(image, sigma, border)
        )

    @pytest.mark.parametrize("sigma", [1, 2, 4, 6])
    @pytest.mark.parametrize("channels", CHANNELS, ids=str)
    @pytest.mark.parametrize("shape", [(1, 1), (4, 1000), (1030, 5), (150, 260)], ids=str)
    def test_tile_edges_at_every_thread_count(self, isa, rng, shape, channels, sigma):
        image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
        expected = reference.gaussian_blur(image, sigma, "reflect101")
        for num_threads in THREADS:
            result = imgsvc.gaussian_blur(image, sigma, num_threads=num_threads)
            np.testing.assert_array_equal(result, expected)

    def test_the_widest(self, isa, rng):
        image = rng.integers(0, 256, (120, 150, 3), dtype=np.uint8)
        for border in ("reflect101", "wrap"):
            np.testing.assert_array_equal(
                imgsvc.gaussian_blur(image, 50, border=border), reference.gaussian_blur(image, 50, border)
            )

    def test_golden_vector(self, isa):
        image = np.array([[0, 0, 255, 0, 0]], np.uint8)
        assert imgsvc.gaussian_blur(image, 1).tolist() == [[28, 63, 102, 63, 28]]
        assert imgsvc.gaussian_blur(image, 1, border="constant").tolist() == [[5, 25, 41, 25, 5]]

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_a_flat_image_stays_as_it_is(self, isa, sigma):
        values = np.arange(256, dtype=np.uint8)[:, np.newaxis, np.newaxis]
        for value in values if sigma in (2, 4, 50) else values[::5]:
            image = np.broadcast_to(value, (3, 40))
            np.testing.assert_array_equal(imgsvc.gaussian_blur(image, sigma), image)

    @pytest.mark.parametrize("sigma", SIGMAS)
    def test_the_difference_from_real_numbers_is_what_the_docstring_says(self, isa, rng, sigma):
        """Between the weights as they are and those of real numbers, in 64ths before the last rounding."""
        radius = math.ceil(3.5 * sigma)
        image = rng.integers(0, 256, (60, 70)).astype(np.uint8)
        image[:20] = np.where(rng.random((20, 70)) < 0.5, 0, 255)
        weights = np.exp(-(np.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
        weights /= weights.sum()
        seen = reference.around(image, radius, radius, radius, radius, "wrap")
        rows = sum(weights[i] * seen[:, i : i + 70] for i in range(2 * radius + 1))
        ideal = sum(weights[j] * rows[j : j + 60] for j in range(2 * radius + 1))
        bound = (radius + 1) / 32 if sigma <= 4 else 1 / 64 + (radius + 1) / 256
        difference = np.abs(reference.gaussian_64ths(image, sigma, "wrap") / 64 - ideal).max()
        assert difference <= min(bound, 0.1)
        result = imgsvc.gaussian_blur(image, sigma, border="wrap")
        assert np.abs(result - ideal).max() <= 0.5 + difference

    def test_equals_opencv_within_two_levels(self, isa, photo):
        """OpenCV ends its weights at 3 sigma and rounds them to 1/256; at most 2 was found, on noise."""
        cv2 = pytest.importorskip("cv2", reason="OpenCV is in the extra [bench]")
        for sigma in (0.5, 1, 2, 5):
            ours = imgsvc.gaussian_blur(photo, sigma).astype(int)
            assert np.abs(ours - cv2.GaussianBlur(photo, (0, 0), sigma)).max() <= 2

    @pytest.mark.parametrize(
        "sigma",
        [
            0,
            0.09,
            50.1,
            -1,
            math.nan,
            math.inf,
            10**400,
            "1",
            bytearray(b"1"),
            None,
            True,
            np.True_,
            [1],
        ],
    )
    def test_sigma_out_of_range(self, photo, sigma):
        with pytest.raises(InvalidParameterError, match="^sigma: .*, expected a number from 0.1 to 50$"):
            imgsvc.gaussian_blur(photo, sigma)

    def test_an_unknown_border(self, photo):
        with pytest.raises(InvalidParameterError, match="^border: 'edge', expected one of 'constant', "):
            imgsvc.gaussian_blur(photo, 1, border="edge")


class TestSharpen:
    @pytest.mark.parametrize("border", BORDERS)
    @per_isa
    @given(
        image=images,
        sigma=st.floats(0.1, 6),
        amount=st.floats(0, 100),
        threshold=st.one_of(st.integers(0, 255), st.floats(0, 30)),
    )
    def test_equals_the_reference(self, isa, border, image, sigma, amount, threshold):
        result = imgsvc.sharpen(image, sigma=sigma, amount=amount, threshold=threshold, border=border)
        expected = reference.sharpen(image, sigma, amount, threshold, border)
        np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("shape", [(4, 1000, 3), (1030, 5), (150, 260, 4)], ids=str)
    def test_tile_edges_at_every_thread_count(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        expected = reference.sharpen(image, 2, 1.5, 3, "reflect101")
        for num_threads in THREADS:
            result = imgsvc.sharpen(image, sigma=2, amount=1.5, threshold=3, num_threads=num_threads)
            np.testing.assert_array_equal(result, expected)

    def test_golden_vector(self, isa):
        image = np.array([[100, 100, 120, 120]], np.uint8)
        assert imgsvc.sharpen(image).tolist() == [[98, 94, 126, 122]]
        assert imgsvc.sharpen(image, threshold=5).tolist() == [[100, 94, 126, 120]]

    def test_the_threshold_itself_is_left_alone(self, isa):
        """Differences are 64ths: a threshold just below one is not rounded up to it."""
        image = np.array([[100, 100, 101, 101]], np.uint8)
        difference = reference.gaussian_64ths(image, 1, "reflect101") - 64 * image.astype(int)
        least = np.abs(difference)[difference != 0].min() / 64
        sharpened = imgsvc.sharpen(image, amount=100, threshold=np.nextafter(least, 0))
        assert (imgsvc.sharpen(image, amount=100, threshold=least) != sharpened).any()

    def test_nothing_to_do(self, isa, photo):
        np.testing.assert_array_equal(imgsvc.sharpen(photo, amount=0), photo)
        np.testing.assert_array_equal(imgsvc.sharpen(photo, threshold=255), photo)

    def test_looks_like_pillow_s(self, isa):
        """Pillow blurs by three boxes and rounds to levels: on a smooth image at most 4 levels apart."""
        image_module = pytest.importorskip("PIL.Image")
        filters = pytest.importorskip("PIL.ImageFilter")
        y, x = np.mgrid[:80, :100]
        image = (127 + 60 * np.sin(x / 9) + 50 * np.cos(y / 7)).astype(np.uint8)
        theirs = image_module.fromarray(image).filter(filters.UnsharpMask(2, 150, 0))
        ours = imgsvc.sharpen(image, sigma=2, amount=1.5, border="replicate")
        assert np.abs(ours.astype(int) - np.asarray(theirs)).max() <= 4

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"sigma": 0}, "^sigma: 0, expected a number from 0.1 to 50$"),
            ({"amount": -0.1}, "^amount: -0.1, expected a number from 0 to 100$"),
            ({"amount": math.nan}, "^amount: nan, expected a number from 0 to 100$"),
            ({"threshold": 256}, "^threshold: 256, expected a number from 0 to 255$"),
            ({"threshold": None}, "^threshold: None, expected a number from 0 to 255$"),
            ({"border": ""}, "^border: '', expected one of 'constant'"),
        ],
    )
    def test_parameters_out_of_range(self, photo, parameters, message):
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.sharpen(photo, **parameters)


def test_memory_is_known_without_the_weights(monkeypatch):
    operations = [GaussianBlur(sigma) for sigma in np.linspace(0.1, 20, 300)]
    for operation in operations:
        weights = gaussian.weights_of(operation.sigma)
        columns = min(50, (gaussian.LONG_TILE if weights.long_sums else gaussian.TILE) // 3)
        lines = ((columns + 2 * weights.radius) * 3 + gaussian.FOLD_LANES) // gaussian.LINE + 1
        rows = 2 * weights.radius + gaussian.BATCH + 3
        num_bytes = 2 * rows * (lines | 1) * gaussian.LINE + 8 * 4 * len(weights.values)
        assert operation.scratch_bytes((40, 50, 3), 1) == for_threads(num_bytes, 1)
    monkeypatch.setattr(gaussian, "weights_of", None)  # a plan of a thousand operations took 0.2 s for them
    assert all(operation.scratch_bytes((40, 50, 3), 1) for operation in operations)
