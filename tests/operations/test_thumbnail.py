"""Thumbnails: what `resize` makes, in a size of integers alone."""

import math

import numpy as np
import pytest

import imgsvc
from imgsvc._stop import Stop
from imgsvc.errors import InvalidImageError, InvalidParameterError, StoppedError
from imgsvc.operations import Crop, Resize, filters
from imgsvc.operations.thumbnail import LONGEST, check_thumbnail, thumbnail, thumbnail_size


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 1), (1, 1)),
        ((64, 64, 3), (64, 64)),
        ((64, 3), (64, 3)),
        ((65, 64), (64, 63)),
        ((128, 101, 3), (64, 50)),  # 50.5 and 51.5: ties to even
        ((103, 128), (52, 64)),
        ((3000, 10, 4), (64, 1)),
        ((30, 65, 1), (30, 64)),  # 29.54
        ((3000, 4000, 3), (48, 64)),
    ],
)
def test_sizes(shape, expected):
    assert thumbnail_size(shape) == expected


@pytest.mark.parametrize(
    "shape", [(64, 64), (65, 64), (128, 101, 3), (3000, 10, 4), (30, 65, 1), (300, 1000)]
)
def test_pixels(isa, rng, shape):
    image = rng.integers(0, 256, shape, np.uint8)
    expected = imgsvc.resize(image, width=64, height=64, resample="box", fit="inside", enlarge=False)
    for threads in (None, 1, 3):
        small = thumbnail(image, threads, Stop())
        np.testing.assert_array_equal(small, expected)
    assert (small is image) == (max(shape[:2]) <= 64)


def test_any_strides(rng):
    image = rng.integers(0, 256, (300, 200, 3), np.uint8)
    for view in (image[::-1, ::2], image[..., 1], image.transpose(1, 0, 2)):
        np.testing.assert_array_equal(thumbnail(view, 1, Stop()), thumbnail(view.copy(), 1, Stop()))


def test_the_longest_side_is_the_longest_that_resize_takes():
    assert (
        filters.most_taps(LONGEST, 64, "box") <= filters.MAX_TAPS < filters.most_taps(LONGEST + 1, 64, "box")
    )
    inside = Resize(64, 64, resample="box", fit="inside", enlarge=False)
    for shape in ((1, LONGEST), (LONGEST, 23)):
        check_thumbnail("image", shape, InvalidImageError)
        assert inside.output_shape(shape) == thumbnail_size(shape)
    with pytest.raises(InvalidParameterError, match="65536 weights a pixel"):
        inside.output_shape((1, LONGEST + 1))


@pytest.mark.parametrize("size", [(LONGEST, 1), (1, LONGEST)])
def test_of_the_longest_side(size):
    image = np.zeros(size, np.uint8)
    image.reshape(-1)[-(LONGEST // 64) :] = 200
    small = thumbnail(image, 1, Stop())
    assert small.ravel().tolist() == [0] * 63 + [200]
    image.reshape(-1)[-1] = 7
    found = imgsvc.crop(image, width=min(size[1], 10), height=min(size[0], 10), position="attention")
    assert math.prod(found.shape) == 10


def test_beyond_that():
    expected = r"^image: an image of 4194177×2, expected sides of at most 4194176$"
    with pytest.raises(InvalidImageError, match=expected):
        check_thumbnail("image", (2, LONGEST + 1), InvalidImageError)
    expected = r"^position: an image of 2×4194177, expected sides of at most 4194176: name a place instead$"
    for operation in (
        Crop(width=1, height=1, position="entropy"),
        Resize(1, 1, "nearest", fit="cover", position="entropy"),
    ):
        with pytest.raises(InvalidParameterError, match=expected):
            operation.output_shape((LONGEST + 1, 2))


def test_stopping():
    stop = Stop()
    stop.cancel()
    with pytest.raises(StoppedError):
        thumbnail(np.zeros((500, 500), np.uint8), 1, stop)
