"""Plans of descriptions: what is refused before anything is done, and what it takes otherwise."""

import tracemalloc

import numpy as np
import pytest

import imgsvc
from imgsvc._stop import Stop
from imgsvc.errors import InvalidImageError, LimitExceededError, UndecodableImageError
from imgsvc.recipes import description
from imgsvc.recipes.description import describe_source, plan_description
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.prediction import Prediction
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.source import ImageFile, RawImage
from imgsvc.server.overload.price import Pricing
from tests import v1
from tests.recipes.test_planning import far_frame


def raw(shape, dtype="uint8"):
    return RawImage(shape, np.dtype(dtype), None)


def of(rng, shape, dtype="uint8"):
    pixels = imgsvc.convert(rng.integers(0, 256, shape, np.uint8), dtype)
    return RawImage(shape, pixels.dtype, pixels)


@pytest.mark.parametrize("shape", [(9, 9), (700, 900), (700, 900, 3), (1, 300_000, 4), (4_000_000, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_memory_of_pixels(rng, shape, dtype):
    source = of(rng, shape, dtype)
    describe_source(source, Limits(), gps=False, num_threads=1)
    tracemalloc.start()
    try:
        describe_source(source, Limits(), gps=False, num_threads=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    bound = plan_description(source, Limits()).num_bytes
    assert peak <= bound <= 5 * peak + (4 << 20)


def test_a_file_is_planned_as_it_is_decoded(photo):
    data = v1.encoded(photo)
    whole = plan_recipe(ImageFile(data), Recipe((), (Output(RAW),)), Limits())
    plan = plan_description(ImageFile(data), Limits())
    assert plan.input == whole.input
    assert plan.num_bytes >= whole.num_bytes


def test_of_frames_but_the_first_there_is_only_the_number():
    source = ImageFile(far_frame())
    assert plan_description(source, Limits()).num_bytes < 4 << 20
    assert describe_source(source, Limits(), gps=False).frames == 2


def test_the_header_is_read_once(photo, monkeypatch):
    data = ImageFile(v1.encoded(photo))
    plan = plan_description(data, Limits())
    monkeypatch.setattr(description, "read_header", None)
    described = describe_source(data, Limits(), gps=False, plan=plan)
    assert described == imgsvc.describe(data.data)


@pytest.mark.parametrize(
    ("source", "limits", "error", "text"),
    [
        (
            raw((1, 5_000_000)),
            Limits(),
            InvalidImageError,
            "an image of 5000000×1, expected sides of at most",
        ),
        (raw((60, 50, 3)), Limits(pixels=2999), LimitExceededError, r"3000 pixels \(50×60\), expected at"),
        (ImageFile(b"nothing"), Limits(), InvalidImageError, "bytes of no known format"),
        (ImageFile(v1.encoded(np.zeros((9, 9), np.uint8))[:20]), Limits(), UndecodableImageError, ""),
    ],
)
def test_what_is_refused(source, limits, error, text):
    with pytest.raises(error, match=f"^image: .*{text}") as caught:
        plan_description(source, limits)
    assert type(caught.value) is error


def test_a_shape_alone_is_planned_and_not_described():
    assert plan_description(raw((9, 9)), Limits()).cost > 0
    with pytest.raises(InvalidImageError, match="a shape without pixels, expected pixels"):
        describe_source(raw((9, 9)), Limits(), gps=False)


def test_prices(rng, photo):
    """Time is known once it was measured; and it grows with the pixels, their depth, and the file."""
    prediction = Prediction()
    pricing = Pricing(prediction)
    sources = [raw((400, 500)), raw((400, 500, 3)), raw((800, 500, 3)), raw((800, 500, 3), "uint16")]
    plans = [plan_description(source, Limits()) for source in sources]
    assert {pricing.description(plan).core_seconds for plan in plans} == {0.0}
    prediction.calibrate()
    prices = [pricing.description(plan) for plan in plans]
    seconds = [price.core_seconds for price in prices]
    assert seconds == sorted(seconds)
    assert seconds[0] > prediction.fixed_seconds
    assert [price.pixels for price in prices] == [200_000, 200_000, 400_000, 400_000]
    assert all(price.is_final for price in prices)
    data = v1.encoded(photo, "JPEG")
    of_file = pricing.description(plan_description(ImageFile(data), Limits()))
    of_pixels = pricing.description(plan_description(raw(photo.shape), Limits()))
    recipe = pricing.recipe(plan_recipe(ImageFile(data), Recipe((), (Output(RAW),)), Limits()))
    assert of_file.core_seconds > of_pixels.core_seconds
    assert of_file.of_file(len(data)).num_bytes == of_file.num_bytes + 2 * len(data)
    assert (of_file.file_copies, of_file.handed_bytes, of_file.byte_seconds) == (
        recipe.file_copies,
        recipe.handed_bytes,
        recipe.byte_seconds,
    )


def test_stopping(rng):
    for dtype in ("uint8", "uint16"):
        stop = Stop()
        stop.cancel()
        with pytest.raises(imgsvc.errors.StoppedError):
            describe_source(of(rng, (300, 400), dtype), Limits(), gps=False, stop=stop)
