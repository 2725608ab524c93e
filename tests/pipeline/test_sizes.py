"""Sizes in texts, in the order in which hands type them, and words that others have for what there is."""

import pytest

from imgsvc.errors import InvalidParameterError
from imgsvc.operations import Crop, Flip, Grayscale, Letterbox, Resize
from imgsvc.pipeline import Pipeline


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("resize 800x600", Resize(800, 600)),
        ("resize 800 600", Resize(800, 600)),
        ("resize 800x", Resize(800)),
        ("resize 800", Resize(800)),
        ("resize x600", Resize(height=600)),
        ("resize 12.5%", Resize(scale=0.125)),
        ("resize 800x600 cover", Resize(800, 600, fit="cover")),
        ("resize cover 800x600", Resize(800, 600, fit="cover")),
        ("resize 800 600 cover north", Resize(800, 600, fit="cover", position="north")),
        ("resize 8 6 cover north lanczos", Resize(8, 6, "lanczos", fit="cover", position="north")),
        ("letterbox 8 6 north nearest", Letterbox(8, 6, resample="nearest", position="north")),
        ("resize 8x6 cover lanczos", Resize(8, 6, "lanczos", fit="cover")),
        ("resize 8x6 contain background=red", Resize(8, 6, fit="contain", background="#ff0000")),
        ("resize 8x6 attention fit=cover", Resize(8, 6, fit="cover", position="attention")),
        ("resize 800 height=3", Resize(800, 3)),
        ("crop 20x10", Crop(width=20, height=10)),
        ("crop 20x10 entropy", Crop(width=20, height=10, position="entropy")),
        ("crop 8 top=1 width=2 height=3", Crop(8, 1, 2, 3)),
        ("letterbox 64x48", Letterbox(64, 48)),
        ("letterbox 64 48 top-left", Letterbox(64, 48, position="northwest")),
        *((f"crop 2x2 {word}", Crop(width=2, height=2, position="north")) for word in ("top", "north")),
        *(
            (f"crop 2x2 {word}", Crop(width=2, height=2, position="southeast"))
            for word in ("south-east", "bottom_right", "bottomright", "'right bottom'")
        ),
        ("resize 8x8 enlarge=False", Resize(8, 8, enlarge=False)),
        ("flip horizontal", Flip(1)),
        ("flip vertical", Flip(0)),
        ("greyscale", Grayscale()),
    ],
)
def test_what_it_is(text, operation):
    pipeline = Pipeline(text)
    assert pipeline.operations == (operation,)
    assert Pipeline(str(pipeline)) == pipeline


WORDS = (
    "a size such as 800x600, 800x, x600 or 50%, a fit such as cover, a position such as north, a filter "
    "such as lanczos, or another parameter by its name, such as background=white"
)
WITH = "fit=cover or fit=contain with it: nothing else cuts off, or leaves room"
PLACES = (
    "one of 'center', 'north', 'northeast', 'east', 'southeast', 'south', 'southwest', 'west', 'northwest', "
    "or two numbers from 0 to 1, from the left and the top"
)
AXES = "an integer from 0 to 1: 0 turns the rows upside down, 1 exchanges left and right"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("resize 9 9 9", "resize.width: 9 and 9, expected one"),
        ("resize 100x width=20", "resize.width: 20 and 100, expected one"),
        ("resize 10x10 cover fill", "resize.fit: 'cover' and 'fill', expected one"),
        ("resize 800 50%", "resize.scale: 0.5, expected either this, or width and height"),
        ("resize 256x256 north", f"resize.position: 'north', expected {WITH}"),
        ("resize 8x6 white", f"resize: 'white', expected {WORDS}"),
        ("letterbox 9x9 entropy", f"letterbox.position: 'entropy', expected {PLACES}"),
        ("flip sideways", f"flip.axis: 'sideways', expected {AXES}"),
    ],
)
def test_what_it_is_not(text, error):
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline(text)
    assert str(caught.value) == f"operations[0].{error}"


@pytest.mark.parametrize("text", ["crop 8 100", "crop 8 100 top=0 width=1 height=1"])
def test_a_crop_by_two_numbers_may_be_a_place(text):
    with pytest.raises(InvalidParameterError, match="^pipeline: crop 8 100, expected crop 8x100$"):
        Pipeline(text)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("brightness", "adjust, transpose, warp_affine"),
        ("Negate", "invert, rotate, mean_filter"),
        ("grayscal", "grayscale, gaussian_blur, gamma"),
        ("resise", "resize, transpose, trim"),
    ],
)
def test_what_somebody_may_have_meant(word, near):
    with pytest.raises(InvalidParameterError, match=f"expected an operation, such as {near}; "):
        Pipeline(word)
