"""What is predicted, beside what it takes; on a quiet machine ``pytest benchmarks/recipes`` asks for more."""

import copy
import struct
import time
import timeit

import numpy as np
import pytest
from PIL import Image

from imgsvc._images import DTYPES
from imgsvc.codec import DecodeOptions, EncodeOptions, encode, read_header
from imgsvc.operations import Convert
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.codec_costs import CodecCost
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.prediction import Prediction
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.routine_rates import Rate, routine_rates
from imgsvc.recipes.source import ImageFile, RawImage
from tests.codec import profiles
from tests.codec.encoded import AVIF, SRGB, by_pillow, jpeg_of_scans
from tests.codec.test_avif import aperture, with_property
from tests.operations.every import EVERY, EXAMPLES

SHAPE = (600, 800, 3)
FACTOR = 3.0
"""On a machine that does other things meanwhile."""


@pytest.fixture(scope="module")
def prediction():
    prediction = Prediction()
    prediction.calibrate()
    return prediction


def planned(pipeline, *outputs, shape=SHAPE):
    source = RawImage(shape, np.dtype(np.uint8), None)
    return plan_recipe(source, Recipe(pipeline, outputs or (Output(RAW),)), Limits())


@EVERY
def test_every_operation_takes_about_as_long_as_predicted(prediction, rng, operation):
    image = rng.integers(0, 256, SHAPE, np.uint8)
    out = np.empty(operation.output_shape(SHAPE), np.uint8)
    pipeline = Pipeline(operation)

    def run():
        pipeline.run(image, out=out, num_threads=1)

    seconds = min(timeit.repeat(run, timer=time.thread_time, number=1, repeat=5))
    predicted = prediction.milliseconds(planned(pipeline)) - prediction.milliseconds(planned(NOTHING))
    slack = 0.2  # of calls, in milliseconds
    assert predicted < FACTOR * (1e3 * seconds + slack)
    assert 1e3 * seconds < FACTOR * (predicted + slack)


NOTHING = "crop left=0 top=0 width=1 height=1"


def test_every_routine_is_measured():
    rates = routine_rates()
    for shape in ((50, 60), (50, 60, 3)):
        for operation in EXAMPLES:
            assert (operation.routine(shape, np.dtype(np.uint8)), len(shape) == 2) in rates
        for dtype in DTYPES.values():
            for name in DTYPES:
                assert (Convert(name).routine(shape, dtype), len(shape) == 2) in rates
    assert all(0 < seconds < 1e-7 for rate in rates.values() for seconds in rate[:3])


def test_a_rate_between_sizes_lies_between_rates():
    rate = Rate(1.0, 2.0, 4.0, small_bytes=10, cached_bytes=1000, uncached_bytes=100_000)
    assert [rate.at(size) for size in (1, 10, 100, 1000, 10_000, 100_000, 10**9)] == [1, 1, 1.5, 2, 3, 4, 4]


def test_lookups_that_are_done_in_one_cost_as_much_as_one(prediction):
    one, two = planned("gamma 0.5"), planned("gamma 0.5 | adjust contrast=1.5")
    assert prediction.milliseconds(two) == prediction.milliseconds(one)


def test_more_effort_takes_longer(prediction):
    def of(**options):
        return prediction.milliseconds(planned("", Output(**options)))

    assert of(format="webp", effort=9) > 2 * of(format="webp")
    assert of(format="webp", lossless=True, effort=9) > 50 * of(format="webp", lossless=True)
    assert of(format="jpeg", progressive=True) > 2 * of(format="jpeg")
    assert of(format="jpeg", max_bytes=10_000) > 5 * of(format="jpeg")
    assert of(format="tiff", effort=0) < of(format="tiff")


def test_channels_and_depth_count(prediction, rng):
    def to(kind, *channels):
        return prediction.milliseconds(planned("", Output(kind), shape=(*SHAPE[:2], *channels)))

    assert to("png") < 0.6 * to("png", 3) < 0.6 * to("png", 4)
    assert to("webp", 3) < 0.4 * to("webp", 4)
    assert to("gif") < 0.1 * to("gif", 3)

    def of(*channels, dtype):
        data = encode(rng.integers(0, 256, (*SHAPE[:2], *channels)).astype(dtype), "png")
        recipe = Recipe("", (Output(RAW),), DecodeOptions(depth="keep"))
        return prediction.milliseconds(plan_recipe(ImageFile(data), recipe, Limits()))

    assert of(dtype=np.uint8) < 0.8 * of(dtype=np.uint16)
    assert of(3, dtype=np.uint8) < 0.4 * of(3, dtype=np.uint16)


DECODERS = {
    "jpeg": CodecCost(2e-5, 1.1e-9, 7.6e-9),
    "png": CodecCost(3e-5, 1.5e-8),
    "webp": CodecCost(3e-5, 3.3e-9, 4.5e-8),
    "avif": CodecCost(2e-4, 2e-9, 9e-8),
    "tiff": CodecCost(3e-5, 1.2e-8),
    "gif": CodecCost(3e-5, 7e-9),
    "bmp": CodecCost(2e-5, 1.3e-9),
}
"""As they were measured on a quiet machine: what a file makes of them is the same wherever it is asked."""


@pytest.fixture
def typical(prediction):
    made = copy.copy(prediction)
    made._codecs = {**prediction._codecs, **{(name, "decode"): cost for name, cost in DECODERS.items()}}
    made._conversion, made._shrunk_share = 1.5e-8, 0.1
    return made


def decoding_of(typical, data, **options):
    """Return what decoding a file is predicted to take."""
    output = Output("png" if options.get("frames") == "all" else RAW)
    plan = plan_recipe(ImageFile(data), Recipe("", (output,), DecodeOptions(**options)), Limits())
    return 1e3 * (typical._decoding(plan.input) + typical.byte_seconds(plan.input) * len(data))


def test_a_progressive_jpeg_takes_longer(typical, rng):
    def of(**options):
        data = encode(rng.integers(0, 256, SHAPE, np.uint8), "jpeg", EncodeOptions(**options))
        return decoding_of(typical, data)

    assert of(progressive=True) > 1.5 * of()


def test_each_scan_counts(typical):
    few, some, many = (decoding_of(typical, jpeg_of_scans(800, 600, scans)) for scans in (1, 50, 100))
    assert some > 10 * few
    assert many == pytest.approx(2 * some, rel=0.2)


def test_scans_count_however_small_a_jpeg_is_decoded(typical):
    def of(text):
        source = ImageFile(jpeg_of_scans(4000, 3000, 50))
        return typical.milliseconds(plan_recipe(source, Recipe(Pipeline(text), (Output(RAW),)), Limits()))

    assert of("resize width=10 resample=box") > 0.7 * of("")


def test_scans_that_are_not_there_count_as_the_usual_ones():
    data = encode(np.zeros(SHAPE, np.uint8), "jpeg", EncodeOptions(progressive=True))
    assert read_header(data).scans == 10
    assert read_header(data[:700]).scans == 10
    assert read_header(jpeg_of_scans(800, 600, 40)[:-20]).scans == 38


def test_colours_that_are_converted_count(typical):
    image = Image.fromarray(np.zeros(SHAPE, np.uint8))

    def of(profile, **options):
        return decoding_of(typical, by_pillow(image, "JPEG", icc_profile=profile), **options)

    other = profiles.rgb(profiles.gamma(1.8), profiles.P3_COLUMNS)
    assert of(other) > 3 * of(SRGB) > 0
    assert of(other, color="keep") < 1.5 * of(SRGB)


@pytest.mark.parametrize("kind", ["jpeg", "webp", *(["avif"] if AVIF else [])])
def test_the_bytes_of_a_file_count(typical, rng, kind):
    flat, noise = (
        encode(image, kind) for image in (np.zeros(SHAPE, np.uint8), rng.integers(0, 256, SHAPE, np.uint8))
    )
    assert decoding_of(typical, noise) > 3 * decoding_of(typical, flat)
    plan = plan_recipe(ImageFile(noise), Recipe("", (Output(RAW),)), Limits())
    assert typical.milliseconds(plan) < typical.milliseconds(plan, len(noise))


def hidden_pixels():
    """Yield files of which far more is decoded than is shown, and how they are decoded."""
    if AVIF:
        whole = encode(np.zeros((2000, 2000, 3), np.uint8), "avif")
        yield with_property(whole, aperture((2, 1), (2, 1))), {}
    small, large = Image.new("P", (1, 1)), Image.new("P", (2000, 2000))
    frames = {"frames": "all"}
    gif = by_pillow(small, "GIF", save_all=True, append_images=[small])
    at = gif.rindex(b",")
    yield gif[: at + 5] + struct.pack("<HH", 2000, 2000) + gif[at + 9 :], frames
    yield by_pillow(small.convert("RGB"), "TIFF", save_all=True, append_images=[large.convert("RGB")]), frames


@pytest.mark.parametrize(("data", "options"), list(hidden_pixels()))
def test_pixels_that_are_not_shown_count(typical, data, options):
    assert read_header(data).most_pixels == 4_000_000
    assert decoding_of(typical, data, **options) > 1.0
    output = Output("png" if options else RAW)
    plan = plan_recipe(ImageFile(data), Recipe("", (output,), DecodeOptions(**options)), Limits())
    assert plan.num_bytes > 20_000_000


def test_the_slowest_page_counts(typical):
    pages = [Image.new("1", (800, 600)), Image.new("RGB", (800, 600))]
    fast, slow = (
        by_pillow(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression=compression)
        for compression in ("raw", "lzma")
    )
    assert decoding_of(typical, slow, frames="all") > 5 * decoding_of(typical, fast, frames="all")


def test_of_an_animation_the_first_frame_counts_where_that_is_wanted(typical, rng):
    noise, flat = rng.integers(0, 256, SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    first, last = (encode(frames, "webp") for frames in ([noise, *[flat] * 9], [flat, *[flat] * 8, noise]))
    assert decoding_of(typical, first) > 3 * decoding_of(typical, last)


def test_each_strip_counts(typical):
    image = Image.new("L", (10, 20_000))
    few, many = (decoding_of(typical, by_pillow(image, "TIFF", tiffinfo={278: rows})) for rows in (20_000, 1))
    assert many > few + 50


def test_a_file_of_which_a_part_will_do_may_be_decoded_twice(typical, rng):
    data = encode(rng.integers(0, 256, SHAPE, np.uint8), "jpeg")
    once, twice = decoding_of(typical, data), decoding_of(typical, data, damaged="partial")
    assert twice == pytest.approx(2 * once)


def test_how_pixels_are_compressed_counts(typical, rng):
    image = Image.fromarray(rng.integers(0, 256, SHAPE, np.uint8))

    def of(compression):
        return decoding_of(typical, by_pillow(image, "TIFF", compression=compression))

    assert 2 * of("raw") < of("tiff_adobe_deflate") < of("lzma") / 2

    def of_png(mode):
        return decoding_of(typical, by_pillow(image.convert(mode), "PNG"))

    assert 2 * of_png("1") < of_png("P") < of_png("RGB") / 1.5


def test_a_jpeg_that_is_decoded_smaller_takes_less(rng):
    """By what is measured: once in a few attempts, of which others may disturb some."""
    data = encode(rng.integers(0, 256, (800, 1200, 3), np.uint8), "jpeg")

    def holds(prediction):
        def of(text):
            return prediction.milliseconds(plan_recipe(ImageFile(data), Recipe(Pipeline(text)), Limits()))

        whole, small = of("resize width=300 resample=nearest"), of("resize width=100 resample=box")
        return 0.2 * whole < small < 0.95 * whole

    assert any(holds(Prediction()) for _ in range(5))


def test_a_prediction_takes_microseconds(prediction):
    plan = planned("mean_filter")
    seconds = (
        min(
            timeit.repeat(
                lambda: prediction.milliseconds(plan), timer=time.thread_time, number=1000, repeat=5
            )
        )
        / 1000
    )
    assert seconds < 50e-6
