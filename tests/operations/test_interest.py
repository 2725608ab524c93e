"""Positions by what an image shows: against the formulas, one pixel at a time."""

import decimal
import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import imgsvc
from imgsvc._stop import Stop
from imgsvc.errors import InvalidParameterError, StoppedError
from imgsvc.operations import Crop, Resize
from imgsvc.operations.interest import SURPRISE, best_offset, looking_bytes
from tests import reference
from tests.operations.images import images, per_isa

POSITIONS = ["entropy", "attention"]


def gray_of(pixel):
    if len(pixel) == 1:
        return pixel[0]
    gray = (9798 * pixel[0] + 19235 * pixel[1] + 3735 * pixel[2] + (1 << 14)) >> 15
    return gray * pixel[3] // 255 if len(pixel) == 4 else gray


def worth_of(pixels, gray, row, column):
    """Return what attention makes of a pixel."""
    height, width = len(gray), len(gray[0])
    around = sum(
        gray[min(max(row + down, 0), height - 1)][min(max(column + right, 0), width - 1)]
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
    )
    worth = min(abs(4 * gray[row][column] - around), 255)
    pixel = pixels[row][column]
    if len(pixel) == 1:
        return worth
    red, green, blue, *alpha = pixel
    colour = max(red, green, blue) - min(red, green, blue) if 12 < gray[row][column] < 243 else 0
    total = max(red + green + blue, 1)
    away = abs(256 * red // total - 112) + abs(256 * green // total - 81)
    if gray[row][column] > 12:
        colour += max(255 - 12 * away, 0)
    return worth + (colour * alpha[0] // 255 if alpha else colour)


def best(small, sizes, position):
    """Return the first window, row by row, of which nothing is better."""
    pixels = small.reshape(*small.shape[:2], -1).tolist()
    gray = [[gray_of(pixel) for pixel in row] for row in pixels]
    rows, columns = sizes
    found = {}
    for top in range(len(gray) - rows + 1):
        for left in range(len(gray[0]) - columns + 1):
            window = [(row, column) for row in range(rows) for column in range(columns)]
            if position == "entropy":
                levels = [gray[top + row][left + column] >> 3 for row, column in window]
                counts = [levels.count(level) for level in set(levels)]
                worth = -sum(round(count * math.log2(count) * 65536) for count in counts)
            else:
                worth = sum(
                    worth_of(pixels, gray, top + row, left + column)
                    * (min(row, rows - 1 - row) + 1)
                    * (min(column, columns - 1 - column) + 1)
                    for row, column in window
                )
            found.setdefault(worth, (top, left))
    return found[max(found)]


@pytest.mark.parametrize("position", POSITIONS)
@per_isa
@given(image=images, data=st.data())
def test_small_images(isa, image, position, data):
    image = image[:9, :9]
    height = data.draw(st.integers(1, image.shape[0]))
    width = data.draw(st.integers(1, image.shape[1]))
    top, left = best(image, (height, width), position)
    result = imgsvc.crop(image, width=width, height=height, position=position)
    np.testing.assert_array_equal(result, image[top : top + height, left : left + width])


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("channels", [(), (3,), (4,)], ids=str)
def test_large_images_are_made_small(rng, position, channels):
    small = rng.integers(0, 256, (12, 64, *channels), dtype=np.uint8)
    image = np.repeat(np.repeat(small, 5, 0), 5, 1)
    top, left = best(small, (4, 20), position)
    result = imgsvc.crop(image, width=100, height=20, position=position)
    # Of 52 rows and 220 columns that are free, as much is before as of the 8 and 44 small ones.
    np.testing.assert_array_equal(result, image[5 * top : 5 * top + 20, 5 * left : 5 * left + 100])


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("channels", [(), (3,), (4,)], ids=str)
def test_what_is_between_small_pixels_is_rounded(rng, position, channels):
    """The small image is what `resize` makes; windows, and how much goes before them, go to the nearest."""
    image = rng.integers(0, 256, (90, 500, *channels), dtype=np.uint8)
    if channels == (4,):
        image[..., 3] = rng.choice([0, 40, 255], (90, 500))
    small = imgsvc.resize(image, width=64, height=12, resample="box")
    for width, height in ((152, 21), (140, 19), (498, 88)):
        # Of 64 and 12 small pixels 19.456 and 2.8, 17.92 and 2.53; and all, so that no window is better.
        size = round(height * 12 / 90), round(width * 64 / 500)
        top, left = best(small, size, position)
        most = 12 - size[0], 64 - size[1]
        row, column = (
            reference.half_even(Fraction(at * free, of)) if of else free // 2
            for at, free, of in zip((top, left), (90 - height, 500 - width), most, strict=True)
        )
        placement = imgsvc.process(image, f"crop {width}x{height} {position}").placement
        assert placement.offset == (-column, -row)


@pytest.mark.parametrize("position", POSITIONS)
def test_what_is_told_to_stop_has_looked_at_nothing(photo, position):
    stop = Stop()
    stop.cancel()
    size = photo.shape[:2]
    with pytest.raises(StoppedError):
        best_offset(np.tile(photo, (2, 2, 1)), size, (1, 1), position, num_threads=1, stop=stop)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("shape", [(64, 64, 3), (2000, 1500, 4), (2_000_000, 1, 1)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16], ids=["uint8", "uint16"])
def test_what_it_takes_to_look(position, shape, dtype):
    image = np.zeros(shape, dtype)
    tracemalloc.start()
    try:
        best_offset(image, shape[:2], (shape[0] // 2, shape[1] // 2), position, num_threads=1, stop=Stop())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= looking_bytes(shape, 1)
    assert Crop(width=9, height=9, position=position).scratch_bytes(shape, 1) == looking_bytes(shape, 1)


@pytest.mark.parametrize("position", POSITIONS)
def test_cover_cuts_what_crop_would(rng, position):
    image = rng.integers(0, 256, (40, 200, 3), dtype=np.uint8)
    cut = imgsvc.crop(image, width=40, height=40, position=position)
    result = imgsvc.resize(image, width=40, height=40, fit="cover", position=position)
    np.testing.assert_array_equal(result, cut)


def subject(row, column):
    """Return a quiet image with something colourful in it."""
    image = np.full((300, 500, 3), 190, np.uint8)
    image[row : row + 20 : 2, column : column + 20] = (220, 60, 40)
    return image


@pytest.mark.parametrize("at", [(10, 20), (140, 240), (250, 450)])
@pytest.mark.parametrize(
    "text", ["crop 80x80 attention", "crop 80x80 entropy", "resize 30x30 cover attention"]
)
def test_the_subject_is_seen_whole(at, text):
    placement = imgsvc.process(subject(*at), text).placement
    begin, end = placement.to_result([[at[1], at[0]], [at[1] + 20, at[0] + 20]])
    size, coarse = (30, 1) if "30" in text else (80, 8)  # a small pixel is as many here
    assert (begin >= -coarse).all()
    assert (end <= size + coarse).all()


def test_nothing_to_see_is_topmost_and_leftmost():
    for position in POSITIONS:
        placement = imgsvc.process(np.full((90, 80), 7, np.uint8), f"crop 10x10 {position}").placement
        assert placement.offset == (0, 0)


def test_what_is_transparent_is_not_looked_at(rng):
    image = rng.integers(0, 256, (50, 50, 4), dtype=np.uint8)
    image[..., 3] = 0
    image[30:40, 5:15, 3] = 255
    for position in POSITIONS:
        x, y = imgsvc.process(image, f"crop 16x16 {position}").placement.offset
        assert -5 <= x <= 1
        assert -30 <= y <= -24


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_deep_images(dtype):
    image = imgsvc.convert(subject(40, 300), np.dtype(dtype).name)
    for text in ("crop 80x80 attention", "resize 80x80 cover attention resample=nearest"):
        assert imgsvc.process(image, text).placement == imgsvc.process(subject(40, 300), text).placement


def test_it_is_the_upright_image_that_is_looked_at(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(subject(40, 300))).save(tmp_path / "a.png", exif=exif)
    result = imgsvc.process(tmp_path / "a.png", "crop 80x80 attention", format="raw")
    np.testing.assert_array_equal(
        result.array, imgsvc.crop(subject(40, 300), width=80, height=80, position="attention")
    )


@pytest.mark.parametrize(
    ("operation", "values"),
    [(Resize, {"width": 3, "height": 4, "fit": fit}) for fit in ("fill", "contain", "inside", "outside")]
    + [(Resize, {"width": 3}), (Resize, {"scale": 0.5})],
)
def test_who_cuts_nothing_off(operation, values):
    with pytest.raises(
        InvalidParameterError, match=r"^position: 'attention', expected fit=cover: others cut"
    ):
        operation(**values, position="attention")


def test_a_rectangle_has_one_place():
    with pytest.raises(InvalidParameterError, match=r"^position: 'entropy', expected either this, or left"):
        Crop(1, 2, 3, 4, "entropy")


def test_beyond_reason():
    with pytest.raises(InvalidParameterError, match=r"^position: an image of 5000000×9, expected sides of"):
        Crop(width=1, height=1, position="entropy").output_shape((9, 5_000_000))


def test_golden_vectors_of_entropy():
    """The most even levels, of which those of the same multiple of 8 are one; the first of equals."""
    four_levels = np.array([[0, 0, 0, 0], [0, 0, 80, 160], [0, 0, 240, 40], [0, 0, 0, 0]], np.uint8)
    cut = imgsvc.crop(four_levels, width=2, height=2, position="entropy")
    assert cut.tolist() == [[80, 160], [240, 40]]
    # Of 4 pixels 2 and 2 are better than 3 and 1.
    row = np.array([[0, 1, 2, 8, 9, 10]], np.uint8)
    assert imgsvc.crop(row, width=4, height=1, position="entropy").tolist() == [[1, 2, 8, 9]]
    assert imgsvc.crop(row, width=1, height=1, position="entropy").tolist() == [[0]]
    large = four_levels[:3].repeat(2, 0).repeat(2, 1)
    result = imgsvc.resize(large, width=2, height=3, fit="cover", position="entropy", resample="box")
    assert result.tolist() == [[0, 0], [80, 160], [240, 40]]


def test_golden_vectors_of_attention():
    # Contrasts are 0 0 90 180 90 0, and count 1 2 1 times: 90, 360, 540 and 360.
    row = np.array([[5, 5, 5, 95, 5, 5]], np.uint8)
    assert imgsvc.crop(row, width=3, height=1, position="attention").tolist() == [[5, 95, 5]]
    # They are 255 at most, so 260 is as good as 510.
    row = np.array([[0, 130, 0, 0, 255, 0, 0]], np.uint8)
    assert imgsvc.crop(row, width=1, height=1, position="attention").tolist() == [[130]]


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ((88, 88, 88), (255, 0, 107)),  # 0 and 255, as light as each other
        ((255, 0, 107), (112, 81, 63)),  # 255 and, of the hue of skin, 49 + 255
        ((117, 81, 58), (255, 0, 107)),  # five steps away from it: 59 + 195, and 255
        ((243, 0, 100), (118, 81, 57)),  # 243, and six steps away: 61 + 183
        ((0, 0, 109), (30, 10, 10)),  # too dark, of a luma of 12, and 20
        ((255, 255, 150), (240, 240, 200)),  # too light, of 243, and 40
    ],
)
def test_golden_vectors_of_colours(worse, better):
    for row in ([worse, better], [better, worse]):
        cut = imgsvc.crop(np.array([row], np.uint8), width=1, height=1, position="attention")
        assert cut.tolist() == [[list(better)]]


def test_surprise_is_the_same_on_every_machine():
    """Libm's last bit would matter within 2**-22 of a tie: 1048 comes nearest to one, by 1/1900."""
    assert SURPRISE[[0, 1, 2, 1048, 4096]].tolist() == [0, 0, 131072, 689112830, 3221225472]
    with decimal.localcontext() as context:
        context.prec = 40
        for count in range(1, 4097):
            exact = 65536 * count * decimal.Decimal(count).ln() / decimal.Decimal(2).ln()
            assert SURPRISE[count] == round(exact)
            assert abs(exact - math.floor(exact) - decimal.Decimal("0.5")) > decimal.Decimal("0.0005")
