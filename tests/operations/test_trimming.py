"""trim: against the definition, pixel by pixel."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc._stop import Stop
from imgsvc.errors import InvalidImageError, InvalidParameterError, StoppedError
from imgsvc.operations import Crop, Trim
from tests.operations.images import per_isa


def expected(image, threshold, background):
    """Return what `trim` makes of an image with that background."""
    pixels = image.reshape(*image.shape[:2], -1).astype(np.int64)
    other = np.broadcast_to(np.asarray(background, np.int64), pixels.shape[2:])
    if len(other) == 4:
        seen = abs(pixels[..., :3] * pixels[..., 3:] - other[:3] * other[3]) > 255 * threshold
        differs = seen.any(-1) | (abs(pixels[..., 3] - other[3]) > threshold)
    else:
        differs = (abs(pixels - other) > threshold).any(-1)
    rows, columns = np.nonzero(differs)
    if not len(rows):
        return image
    return image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


@st.composite
def framed(draw):
    """Draw an image with something in it upon a background that is not quite even."""
    channels = draw(st.sampled_from([(), (1,), (3,), (4,)]))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 300))
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    background = random.integers(0, 256, channels or 1)
    image = np.broadcast_to(background.reshape(channels), (height, width, *channels)) + random.integers(
        -3, 4, (height, width, *channels)
    )
    for _ in range(draw(st.integers(0, 3))):
        row, column = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        image[row, column] += random.integers(-60, 60, channels or None)
    return np.clip(image, 0, 255).astype(np.uint8)


def test_golden_vectors(isa):
    image = np.array([[9, 9, 9, 9, 9], [9, 19, 20, 9, 9], [9, 9, 9, 250, 9]], np.uint8)
    assert imgsvc.trim(image).tolist() == [[20, 9], [9, 250]]  # 10 more is as good as the background
    assert imgsvc.trim(image, 11).tolist() == [[250]]
    assert imgsvc.trim(image, 9).tolist() == [[19, 20, 9], [9, 9, 250]]
    assert imgsvc.trim(image, 0, 20).tolist() == image.tolist()
    # What is seen of 255 with an alpha of 10 is 10 levels; of 11 it is one too many, as is the alpha.
    clear, hardly, seen = [0, 0, 0, 0], [255, 0, 0, 10], [0, 255, 0, 11]
    rgba = np.array([[clear, hardly, clear], [clear, seen, hardly]], np.uint8)
    assert imgsvc.trim(rgba).tolist() == [[seen]]
    # 210 is seen as 203 at an alpha of 246; 189 is 11 levels less than 200.
    red, less, clearer = [200, 0, 0, 255], [189, 0, 0, 255], [210, 0, 0, 246]
    rgba = np.array([[red, clearer, less, red]], np.uint8)
    assert imgsvc.trim(rgba).tolist() == [[less]]
    # What is seen may differ by more than colours and alphas do; and what has no colour, by its alpha.
    row = np.array([[red] * 100], np.uint8)
    row[0, 60] = fainter = [190, 0, 0, 245]
    assert imgsvc.trim(row).tolist() == [[fainter]]
    assert imgsvc.trim(np.array([[red, [193, 0, 0, 251], red]], np.uint8)).tolist() == [[[193, 0, 0, 251]]]
    black, shadow = [0, 0, 0, 255], [0, 0, 0, 244]
    assert imgsvc.trim(np.array([[black, shadow, [0, 0, 0, 245]]], np.uint8)).tolist() == [[shadow]]


@per_isa
@given(image=framed(), threshold=st.integers(0, 30), threads=st.integers(1, 3))
def test_against_the_definition(isa, image, threshold, threads):
    background = image.reshape(*image.shape[:2], -1)[0, 0]
    result = imgsvc.trim(image, threshold, num_threads=threads)
    np.testing.assert_array_equal(result, expected(image, threshold, background))


@pytest.mark.parametrize("channels", [(), (3,), (4,)], ids=str)
@pytest.mark.parametrize("at", [(0, 0), (0, 699), (3, 300), (5, 191), (5, 192), (9, 0)])
def test_one_pixel_anywhere(isa, channels, at):
    image = np.full((10, 700, *channels), 200, np.uint8)
    image[at] = 100
    result = imgsvc.trim(image, background=(200,) * (channels or (1,))[0])
    np.testing.assert_array_equal(result, np.full((1, 1, *channels), 100))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_two_pixels_anywhere_in_a_row(isa, channels):
    """Around the blocks of 192 bytes that are compared at a time, from the left and then from the right."""
    block = 192 // channels
    places = {0, 1, *(each for start in range(block, 401, block) for each in (start - 1, start, start + 1))}
    image = np.full((1, 401, channels), 255, np.uint8)
    for first, last in itertools.combinations(sorted({*places, *(400 - each for each in places)}), 2):
        for level in (0, 244):  # as far from the background as can be, and as near
            image[:, [first, last], -1] = level
            kept = Trim(background=(255,) * channels).seen(image, 1, Stop())
            assert (kept.left, kept.width) == (first, last + 1 - first)
        image[:, [first, last]] = 255


def test_nothing_but_background():
    image = np.full((5, 6, 3), 7, np.uint8)
    np.testing.assert_array_equal(imgsvc.trim(image), image)


def test_what_is_transparent_has_no_colour(rng):
    image = rng.integers(0, 256, (9, 12, 4), dtype=np.uint8)
    image[..., 3] = 0
    image[2:5, 3:7, 3] = 255
    np.testing.assert_array_equal(imgsvc.trim(image), image[2:5, 3:7])


@pytest.mark.parametrize(("dtype", "white"), [(np.uint16, 65535), (np.float32, 1.0)])
@pytest.mark.parametrize("background", ["white", None, "level"])
def test_deep_images(dtype, white, background):
    image = np.full((30, 40, 3), white, dtype)
    image[5:9, 7:20] = white / 2
    result = imgsvc.trim(image, background=white if background == "level" else background)
    np.testing.assert_array_equal(result, image[5:9, 7:20])
    assert result.dtype == dtype


def test_what_is_told_to_stop_has_looked_at_nothing(photo):
    stop = Stop()
    stop.cancel()
    with pytest.raises(StoppedError):
        Trim().seen(photo, 1, stop)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(1000, 900, 4), (3000, 1, 1), (1, 3000, 3)], ids=str)
def test_what_it_takes_to_look(shape, dtype):
    image = np.zeros(shape, dtype)
    image[-1, -1] = 255
    tracemalloc.start()
    try:
        Trim().seen(image, 1, Stop())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= Trim().scratch_bytes(shape, 1) + 4096  # for the objects of NumPy


def test_strides_and_a_given_result(rng):
    image = np.full((40, 60, 3), 9, np.uint8)
    image[10:20, 10:30] = rng.integers(100, 256, (10, 20, 3))
    view = image[::-1, ::2]
    out = np.empty((10, 10, 3), np.uint8)
    assert imgsvc.trim(view, out=out) is out
    np.testing.assert_array_equal(out, view[20:30, 5:15])
    with pytest.raises(InvalidImageError, match=r"^out: uint8 array of shape"):
        imgsvc.trim(view, out=np.empty((40, 30, 3), np.uint8))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"threshold": 256}, "threshold: 256, expected an integer from 0 to 255"),
        ({"threshold": 1.5}, "threshold: 1.5, expected an integer from 0 to 255"),
        ({"background": "wite"}, "background: 'wite', expected a colour as '#ff8800' or 'orange', or levels"),
        ({"background": (1, 2)}, r"background: \(1, 2\), expected one level, or 3, one for each channel"),
        ({"background": 300}, "background: 300, expected an integer from 0 to 255"),
    ],
)
def test_what_it_refuses(photo, values, error):
    with pytest.raises(InvalidParameterError, match=f"^{error}"):
        imgsvc.trim(photo, **values)


class TestInPipelines:
    IMAGE = np.full((60, 80, 3), 250, np.uint8)
    IMAGE[10:30, 20:70] = np.arange(20 * 50 * 3).reshape(20, 50, 3) % 200

    def test_what_follows_gets_what_is_left(self):
        result = imgsvc.Pipeline("trim | resize 25x | rotate90 1")(self.IMAGE)
        left = imgsvc.trim(self.IMAGE)
        np.testing.assert_array_equal(result, imgsvc.rotate90(imgsvc.resize(left, width=25)))

    def test_what_goes_before(self):
        result = imgsvc.Pipeline("flip 1 | invert | trim 3 | trim | invert")(self.IMAGE)
        np.testing.assert_array_equal(result, imgsvc.flip(imgsvc.trim(self.IMAGE), 1))

    def test_the_plan_is_an_upper_bound_until_it_is_settled(self):
        plan = imgsvc.Pipeline("trim | invert").plan((60, 80, 3))
        assert (plan.shape, plan.at_most, plan.looks) == ((60, 80, 3), True, True)
        settled = plan.settled(self.IMAGE)
        assert (settled.shape, settled.at_most, settled.looks) == ((20, 50, 3), False, False)
        assert settled.steps[0].operation == Crop(20, 10, 50, 20)
        with pytest.raises(RuntimeError, match="settled"):
            plan.run(self.IMAGE, np.empty_like(self.IMAGE), 1)

    def test_too_little_is_left(self):
        error = r"^operations\[1\].crop.width: 60, expected at most 50, the width of the image"
        with pytest.raises(InvalidParameterError, match=error):
            imgsvc.Pipeline("trim | crop 60x20")(self.IMAGE)

    def test_texts(self):
        assert imgsvc.Pipeline("trim 20 background=white").operations == (Trim(20, "white"),)
