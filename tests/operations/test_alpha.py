"""Colours weighted by alpha, in all that mixes neighbouring pixels: against references, and beside RGB."""

import contextlib
import itertools
import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc._stop import Stop
from imgsvc.errors import InvalidParameterError, StoppedError
from imgsvc.operations import BoxBlur, Convolve, GaussianBlur, MeanFilter, Resize, Sharpen
from imgsvc.operations.alpha import ALPHAS
from imgsvc.operations.borders import BORDERS
from tests import reference
from tests.operations.images import THREADS, per_isa

MIXED = ((0.5, 1.0, 0.25), (1.0, -2.0, 3.0))
BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
MATRIX = tuple(tuple(a * b for b in BLUR) for a in BLUR)

# Each with what the reference makes of an image, and how far it looks.
OPERATIONS = {
    "mean_filter": (MeanFilter(), reference.mean_filter_large, 1),
    "box_blur 1": (BoxBlur(1), lambda image, alpha: reference.box_blur(image, 1, "reflect101", alpha), 1),
    "box_blur 5": (BoxBlur(5), lambda image, alpha: reference.box_blur(image, 5, "reflect101", alpha), 5),
    "box_blur 9": (BoxBlur(9), lambda image, alpha: reference.box_blur(image, 9, "reflect101", alpha), 9),
    "convolve": (
        Convolve(MIXED), lambda image, alpha: reference.convolve(image, MIXED, 0, "reflect101", alpha), 1
    ),
    "convolve in two passes": (
        Convolve(MATRIX),
        lambda image, alpha: reference.convolve_separable(
            image, [weight * BLUR[2] for weight in BLUR], [weight / BLUR[2] for weight in BLUR], 0,
            "reflect101", alpha,
        ),
        2,
    ),
    "gaussian_blur 1": (
        GaussianBlur(1), lambda image, alpha: reference.gaussian_blur(image, 1, "reflect101", alpha), 4
    ),
    "gaussian_blur 5": (
        GaussianBlur(5), lambda image, alpha: reference.gaussian_blur(image, 5, "reflect101", alpha), 18
    ),
    "sharpen": (
        Sharpen(amount=3, threshold=2.3),
        lambda image, alpha: reference.sharpen(image, 1, 3, 2.3, "reflect101", alpha),
        4,
    ),
}  # fmt: skip
EACH = pytest.mark.parametrize("name", OPERATIONS)


def with_alpha(operation, alpha):
    return type(operation)(**{**vars(operation), "alpha": alpha})


# Windows of all kinds: where nothing or everything is opaque, and where alphas are as small as they can be.
alphas = st.one_of(st.just(255), st.sampled_from([0, 255]), st.integers(0, 3), st.integers(0, 255))
translucent = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda shape: st.tuples(hnp.arrays(np.uint8, (*shape, 3)), alphas.flatmap(
        lambda alpha: hnp.arrays(np.uint8, (*shape, 1), elements=st.sampled_from([0, 1, alpha, 254, 255]),
                                 fill=st.just(alpha))
    )).map(np.dstack)
)  # fmt: skip


def patchwork(rng, height, width):
    """Areas that are opaque, invisible, nearly so, and noise, of which each meets each."""
    image = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    kinds = np.kron(rng.integers(0, 4, (height // 24 + 1, width // 24 + 1)), np.ones((24, 24), int))
    kinds = kinds[:height, :width]
    image[..., 3][kinds == 0] = 255
    image[..., 3][kinds == 1] = 0
    image[..., 3][kinds == 2] %= 4
    return image


class TestEach:
    @EACH
    @per_isa
    @given(image=translucent)
    def test_equals_the_reference(self, isa, name, image):
        operation, expected, _ = OPERATIONS[name]
        np.testing.assert_array_equal(operation(image), expected(image, "weighted"))

    @EACH
    def test_at_every_thread_count_across_tiles(self, isa, rng, name):
        operation, expected, _ = OPERATIONS[name]
        for shape in ((3, 1100), (1030, 5), (270, 530)):
            image = patchwork(rng, *shape)
            result = expected(image, "weighted")
            for num_threads in THREADS:
                np.testing.assert_array_equal(operation(image, num_threads=num_threads), result)

    @EACH
    def test_a_part_has_the_bytes_of_the_whole(self, isa, rng, name):
        """As where the image is cut into bands, each with what its windows see beyond it."""
        operation, _, reach = OPERATIONS[name]
        image = patchwork(rng, 300, 120)
        whole = operation(image)
        for top, bottom in ((40, 41), (100, 190)):
            band = operation(image[top - reach : bottom + reach, 20 - reach : 90 + reach])
            inside = band[reach : reach + bottom - top, reach : reach + 70]
            np.testing.assert_array_equal(inside, whole[top:bottom, 20:90])

    @EACH
    def test_opaque_windows_have_the_bytes_of_rgb(self, isa, rng, name):
        operation, _, reach = OPERATIONS[name]
        image = patchwork(rng, 200, 300)
        result, rgb = operation(image), operation(image[..., :3])
        seen = np.lib.stride_tricks.sliding_window_view(
            np.pad(image[..., 3], reach, mode="reflect"), (2 * reach + 1, 2 * reach + 1)
        ).min(axis=(2, 3))
        assert (seen == 255).sum() > 100
        np.testing.assert_array_equal(result[..., :3][seen == 255], rgb[seen == 255])
        if name != "convolve":  # whose weights are together 3.75
            assert (result[..., 3][seen == 255] == 255).all()

    @EACH
    def test_an_opaque_image_is_rgb(self, isa, rng, name):
        operation, _, _ = OPERATIONS[name]
        image = rng.integers(0, 256, (70, 300, 4), dtype=np.uint8)
        image[..., 3] = 255
        np.testing.assert_array_equal(operation(image)[..., :3], operation(image[..., :3]))

    @EACH
    def test_what_cannot_be_seen_has_no_part(self, isa, rng, name):
        operation, _, _ = OPERATIONS[name]
        image = patchwork(rng, 100, 90)
        image[0, 0, 3] = 0
        other = image.copy()
        other[other[..., 3] == 0] = 99, 0, 255, 0
        result = operation(image)
        if name == "sharpen":  # where all that it does is to add differences
            there = image[..., 3] > 0
            np.testing.assert_array_equal(operation(other)[there], result[there])
        else:
            np.testing.assert_array_equal(operation(other), result)
        assert not result[..., :3][result[..., 3] == 0].any()

    @EACH
    def test_as_a_channel_each_is_computed_by_itself(self, isa, rng, name):
        operation, expected, _ = OPERATIONS[name]
        image = patchwork(rng, 60, 70)
        result = with_alpha(operation, "channel")(image)
        np.testing.assert_array_equal(result, expected(image, "channel"))
        for channel in range(4):
            np.testing.assert_array_equal(result[..., channel], operation(image[..., channel]))

    @EACH
    @pytest.mark.parametrize("shape", [(30, 40), (30, 40, 1), (30, 40, 3)], ids=str)
    def test_without_alpha_both_are_the_same(self, isa, rng, name, shape):
        operation, _, _ = OPERATIONS[name]
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        np.testing.assert_array_equal(operation(image), with_alpha(operation, "channel")(image))

    @EACH
    def test_alpha_out_of_range(self, name):
        operation, _, _ = OPERATIONS[name]
        with pytest.raises(
            InvalidParameterError, match=r"^alpha: 'premultiplied', expected one of 'weighted', 'channel'$"
        ):
            with_alpha(operation, "premultiplied")
        assert [with_alpha(operation, alpha).alpha for alpha in ALPHAS] == ["weighted", "channel"]


class TestBorders:
    @pytest.mark.parametrize("border", BORDERS)
    def test_equal_the_reference(self, isa, rng, border):
        image = patchwork(rng, 40, 50)
        for radius in (1, 6, 12, 60):
            np.testing.assert_array_equal(
                imgsvc.box_blur(image, radius, border=border), reference.box_blur(image, radius, border)
            )
        for sigma in (0.7, 2, 6):
            np.testing.assert_array_equal(
                imgsvc.gaussian_blur(image, sigma, border=border),
                reference.gaussian_blur(image, sigma, border),
            )
            np.testing.assert_array_equal(
                imgsvc.sharpen(image, sigma=sigma, border=border),
                reference.sharpen(image, sigma, 1, 0, border),
            )
        for weights in (MIXED, ((1, 2, 3, 4),), ((1,), (0.5,), (2,), (0.25,))):
            np.testing.assert_array_equal(
                imgsvc.convolve(image, weights, border=border), reference.convolve(image, weights, 0, border)
            )

    def test_constant_is_opaque_black(self, isa):
        white = np.full((1, 1, 4), 255, np.uint8)
        assert imgsvc.box_blur(white, 1, border="constant").tolist() == [[[28, 28, 28, 255]]]
        assert imgsvc.convolve(white, [[1, 2, 1]], border="constant").tolist() == [[[255] * 4]]
        image = np.full((50, 60, 4), 255, np.uint8)
        for radius in (1, 9, 70):  # what is opaque goes another way
            assert (imgsvc.box_blur(image, radius, border="constant")[..., 3] == 255).all()
        channel = imgsvc.box_blur(white, 1, border="constant", alpha="channel")
        assert channel.tolist() == [[[28, 28, 28, 28]]]


class TestResize:
    @pytest.mark.parametrize("resample", ["box", "bilinear", "bicubic", "lanczos"])
    @per_isa
    @given(image=translucent, width=st.integers(1, 50), height=st.integers(1, 50))
    def test_equals_the_reference(self, isa, resample, image, width, height):
        np.testing.assert_array_equal(
            imgsvc.resize(image, width=width, height=height, resample=resample),
            reference.resize(image, width, height, resample),
        )

    @pytest.mark.parametrize(
        ("shape", "size"),
        [
            ((3, 700), (17, 600)),
            ((300, 8), (2, 8)),
            ((200, 90), (33, 300)),
            ((20, 1100), (9, 257)),
            ((70, 600), (50, 1)),
        ],
        ids=str,
    )
    def test_edges_at_every_thread_count(self, isa, rng, shape, size):
        image = patchwork(rng, *shape)
        height, width = size
        for resample in ("bilinear", "lanczos"):
            expected = reference.resize(image, width, height, resample)
            for num_threads in THREADS:
                result = imgsvc.resize(
                    image, width=width, height=height, resample=resample, num_threads=num_threads
                )
                np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("resample", ["box", "bilinear", "bicubic", "lanczos"])
    @pytest.mark.parametrize("size", [(37, 55), (150, 170)], ids=str)
    def test_opaque_windows_have_the_bytes_of_rgb(self, isa, rng, size, resample):
        image = patchwork(rng, 100, 120)
        height, width = size
        result = imgsvc.resize(image, width=width, height=height, resample=resample)
        rgb = imgsvc.resize(image[..., :3], width=width, height=height, resample=resample)
        rows = reference.resize_weights(100, height, resample)
        columns = reference.resize_weights(120, width, resample)
        opaque = np.array([
            [(image[y : y + len(down), x : x + len(along), 3] == 255).all() for x, along in columns]
            for y, down in rows
        ])  # fmt: skip
        assert opaque.sum() > 20
        np.testing.assert_array_equal(result[opaque][:, :3], rgb[opaque])
        assert (result[opaque][:, 3] == 255).all()

    def test_as_a_channel_each_is_computed_by_itself(self, isa, rng):
        image = patchwork(rng, 60, 70)
        result = imgsvc.resize(image, width=33, resample="lanczos", alpha="channel")
        for channel in range(4):
            expected = imgsvc.resize(image[..., channel], width=33, resample="lanczos")
            np.testing.assert_array_equal(result[..., channel], expected)

    def test_nearest_and_the_same_size_take_pixels(self, rng):
        image = patchwork(rng, 20, 30)
        np.testing.assert_array_equal(imgsvc.resize(image, width=30, height=20, resample="lanczos"), image)
        assert imgsvc.resize(image, width=1, height=1, resample="nearest").tolist() == [
            [image[10, 15].tolist()]
        ]

    def test_a_white_disc_has_no_dark_edge(self, isa):
        y, x = np.mgrid[:400, :400] - 199.5
        image = np.zeros((400, 400, 4), np.uint8)
        image[x * x + y * y < 150**2] = 255
        small = imgsvc.resize(image, width=50, height=50, resample="lanczos")
        visible = small[..., 3] > 8
        assert visible.sum() > 1000
        assert (small[..., 3] < 255)[visible].sum() > 50
        assert small[..., :3][visible].min() >= 250

    def test_long_windows(self, isa, rng):
        """Of which a part at a time is weighted, and whose sums are no longer exactly 1."""
        image = patchwork(rng, 40, 5)
        tall = np.concatenate([image] * 500)
        np.testing.assert_array_equal(
            imgsvc.resize(tall, width=2, height=1, resample="bilinear"),
            reference.resize(tall, 2, 1, "bilinear"),
        )


@EACH
def test_yellow_beside_transparent_blue_stays_yellow(isa, name):
    """Nothing but yellow can be seen, whatever is done."""
    operation, _, _ = OPERATIONS[name]
    image = np.zeros((60, 60, 4), np.uint8)
    image[:] = 0, 0, 255, 0
    image[10:40, 10:40] = 255, 255, 0, 255
    image[20:30, 20:30] = 0, 0, 255, 0
    results = [
        operation(image),
        imgsvc.resize(image, width=23, resample="lanczos"),
        imgsvc.resize(image, width=90),
    ]
    for result in results:
        visible = result[result[..., 3] > 0]
        if result is results[0] and name == "sharpen":
            visible = operation(image)[image[..., 3] > 0]
        assert len(visible) > 100
        assert (visible[:, :2] >= 250).all()
        assert (visible[:, 2] == 0).all()


LARGE = [(4, 1 << 22, 4), (4096, 4096, 4)]


@pytest.mark.parametrize(
    ("operation", "shape"),
    [*itertools.product([each[0] for each in OPERATIONS.values()], LARGE), (Resize(3000, 3000), LARGE[1])],
    ids=str,
)
def test_a_deadline_on_the_way_leaves_the_rest_undone(operation, shape):
    image = np.zeros(shape, np.uint8)
    whole = operation.output_shape(shape)
    done = 0
    for seconds in (0.001, 0.003, 0.01, 0.03, 0.1):  # a busy machine may not even begin in the first
        out = np.full(whole, 165, np.uint8)
        with contextlib.suppress(StoppedError):
            operation(image, out=out, num_threads=1, stop=Stop(seconds))
        done = np.count_nonzero(out != 165)
        if done:
            break
    assert 0 < done < out.size


class TestDivisions:
    """Sums whose quotients lie beside an integer, or beside half of one."""

    @pytest.mark.parametrize("radius", [1, 2, 3, 5, 7, 8, 12])
    def test_of_the_box_blur(self, isa, rng, radius):
        side = 2 * radius + 1
        for window, expected in windows_that_sum_to(rng, side, halves=True):
            result = imgsvc.box_blur(window, radius, border="wrap")
            assert result[radius, radius].tolist() == expected
            assert (result == result[0, 0]).all()  # each window holds each pixel once

    def test_of_the_mean_filter(self, isa, rng):
        for window, expected in windows_that_sum_to(rng, 3, halves=False):
            # As the middle of blocks of vectors, too.
            result = imgsvc.mean_filter(np.tile(window, (1, 11, 1)))
            assert result[1, 1:-1].tolist() == [expected] * 31


def windows_that_sum_to(rng, side, halves):
    """Yield windows and their means, for quotients that are exact and by 1 too small for it."""
    for _ in range(60):
        alpha = (
            rng.choice([1, 2, 254, 255], side * side)
            if rng.random() < 0.5
            else rng.integers(1, 256, side * side)
        )
        alpha[0] = 1
        total = int(alpha.sum())
        level = int(rng.integers(1, 200))
        target = level * total + (total // 2 if halves else 0)
        for wanted in (target - 1, target, target + 1):
            colours = np.full(side * side, level)
            rest = wanted - level * total
            for index in np.argsort(-alpha):
                step = min(max(rest // int(alpha[index]), -level), 255 - level)
                colours[index] += step
                rest -= step * int(alpha[index])
            if rest:
                continue
            mean = (2 * wanted + total) // (2 * total) if halves else wanted // total
            count = side * side
            of_alpha = (2 * total + count) // (2 * count) if halves else total // count
            window = np.stack([colours] * 3 + [alpha], axis=-1).astype(np.uint8).reshape(side, side, 4)
            yield window, [mean * (of_alpha > 0)] * 3 + [of_alpha]


class TestGoldenVectors:
    """A red that is half there, beside a blue that is not and an opaque green."""

    IMAGE = np.array([[[200, 0, 0, 128], [0, 0, 255, 0], [0, 100, 0, 255]]], np.uint8)

    def test_mean_filter(self, isa):
        # Of alphas 128/2, 383/3, 255/2; of colours 200, (128*200)/383, (255*100)/383, 100.
        assert imgsvc.mean_filter(self.IMAGE).tolist() == [
            [[200, 0, 0, 64], [66, 66, 0, 127], [0, 100, 0, 127]]
        ]

    def test_box_blur(self, isa):
        result = imgsvc.box_blur(self.IMAGE, 1, border="replicate")
        # 3 * 2 * 128 / 9 = 85.3, (128 + 255) / 3 = 127.7, 2 * 255 / 3 = 170
        assert result.tolist() == [[[200, 0, 0, 85], [67, 67, 0, 128], [0, 100, 0, 170]]]

    def test_convolve(self, isa):
        # a = 128 + 255, and (128*200)/383 * 2 = 133.7 since the weights are together 2
        result = imgsvc.convolve(self.IMAGE, [[1, 0, 1]])
        assert result[0, 1].tolist() == [134, 133, 0, 255]
        assert result[0, 0].tolist() == [0, 0, 0, 0]

    def test_resize(self, isa):
        assert imgsvc.resize(self.IMAGE, width=1, height=1, resample="box").tolist() == [[[67, 67, 0, 128]]]

    def test_gaussian_blur(self, isa):
        result = imgsvc.gaussian_blur(self.IMAGE, 1, border="replicate")
        # Of the first 0.6995 * 128 + 0.0585 * 255 = 104.4, and 0.6995 * 128 * 200 / 104.4 = 171.5.
        assert result.tolist() == [[[171, 14, 0, 104], [67, 67, 0, 115], [8, 96, 0, 186]]]

    def test_sharpen(self, isa):
        result = imgsvc.sharpen(self.IMAGE, border="replicate")
        # 200 + (200 - 171.5), and 128 + (128 - 104.4)
        assert result.tolist() == [[[229, 0, 0, 152], [0, 0, 0, 0], [0, 104, 0, 255]]]


class TestConvolve:
    """Weights that are no mean, for which alpha is a channel."""

    @pytest.mark.parametrize(
        ("weights", "bias"),
        [
            ([[-1, 0, 1]], 0),
            ([[0.1, 0.2, -0.3]], 0),  # in binary they are together 2**-54
            ([[1, 1, 1], [1, -8, 1], [1, 1, 1]], 0),
            ([[1, -2]], 0),
            ([[1, 2, 1]], 3),
            ([[0]], 0),
        ],
        ids=str,
    )
    def test_they_have_it_as_a_channel(self, isa, rng, weights, bias):
        image = patchwork(rng, 40, 50)
        for border in ("reflect101", "constant"):
            np.testing.assert_array_equal(
                imgsvc.convolve(image, weights, bias=bias, border=border),
                imgsvc.convolve(image, weights, bias=bias, border=border, alpha="channel"),
            )

    def test_a_kernel_that_sharpens(self, isa, rng):
        """With alphas below 0 and above 255 on the way."""
        weights = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
        image = patchwork(rng, 90, 110)
        np.testing.assert_array_equal(
            imgsvc.convolve(image, weights), reference.convolve(image, weights, 0, "reflect101")
        )

    def test_large_and_small_weights(self, isa, rng):
        image = patchwork(rng, 40, 50)
        for factor in (2.0**-100, 2.0**-10, 2.0**29):
            weights = np.array(MIXED) * factor / 4
            np.testing.assert_array_equal(
                imgsvc.convolve(image, weights), reference.convolve(image, weights, 0, "reflect101")
            )


@pytest.mark.parametrize("sigma", [0.5, 1, 3, 4, 5])
def test_the_difference_of_a_gaussian_from_real_numbers(isa, rng, sigma):
    radius = math.ceil(3.5 * sigma)
    image = patchwork(rng, 90, 110)
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    blurred = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="reflect").astype(float)
    blurred[..., :3] *= blurred[..., 3:] / 255
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(blurred, 2 * radius + 1, axis)
        blurred = windows @ weights
    result = imgsvc.gaussian_blur(image, sigma)
    visible = (blurred[..., 3] > 1) & (result[..., 3] > 0)
    share = blurred[..., 3:][visible] / 255
    bound = 3 * ((radius + 1) / 32 if sigma <= 4 else 1 / 64 + (radius + 1) / 256) + 1 / 128
    difference = np.abs(result[..., :3][visible] - blurred[..., :3][visible] / share)
    assert (difference <= 0.5 + bound / share).all()
    assert np.median(difference) < 0.5


class TestSharpen:
    @pytest.mark.parametrize("sigma", [0.3, 0.5, 1, 1.7, 3.3, 4, 5])
    def test_what_is_opaque_stays_so(self, isa, rng, sigma):
        """Also where the blur's roundings make a little more or less than 255 of it."""
        image = rng.integers(0, 256, (40, 50, 4), dtype=np.uint8)
        image[..., 3] = 255
        assert (imgsvc.sharpen(image, sigma=sigma, amount=100)[..., 3] == 255).all()
        image[0, 0, 3] = 254
        assert (imgsvc.sharpen(image, sigma=sigma, amount=100)[20:, 20:, 3] == 255).all()

    def test_a_pixel_by_itself_keeps_its_colour(self, isa):
        """Of its alpha the blur leaves nothing that rounds to a level."""
        image = np.zeros((99, 99, 4), np.uint8)
        image[49, 49] = 200, 100, 50, 255
        assert imgsvc.sharpen(image, sigma=20, amount=5)[49, 49].tolist() == [200, 100, 50, 255]


def test_every_alpha_divided_by_255(isa):
    """What stands in the place of the quotient is it, rounded to float32: a window of one pixel shows it."""
    colours, alphas = np.meshgrid(np.arange(256), np.arange(256))
    image = np.dstack([colours] * 3 + [alphas]).astype(np.uint8)
    np.testing.assert_array_equal(
        imgsvc.convolve(image, [[0.7]]), reference.convolve(image, [[0.7]], 0, "reflect101")
    )
    np.testing.assert_array_equal(
        imgsvc.gaussian_blur(image, 0.1), reference.gaussian_blur(image, 0.1, "wrap")
    )


def test_resize_is_a_parameter_of_operations_too():
    assert Resize(3, 3, "lanczos", "channel").alpha == "channel"
    assert Resize(3, 3).alpha == "weighted"
    with pytest.raises(InvalidParameterError, match=r"^alpha: None, expected one of 'weighted', 'channel'$"):
        Resize(3, 3, alpha=None)
