"""Requests that are prepared once: what is found is what would have been planned."""

import itertools
import threading

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from imgsvc._stop import Stop
from imgsvc.cache.key import operation_key, recipe_key
from imgsvc.codec import encode
from imgsvc.errors import InvalidImageError, InvalidInputError, LimitExceededError, StoppedError
from imgsvc.operations import Lut, MeanFilter, Rotate90
from imgsvc.pipeline import Pipeline
from imgsvc.pipeline.presets import Preset
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.prediction import Prediction
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.recipes.source import ImageFile, RawImage
from imgsvc.server import image_service, prepared_cache
from imgsvc.server.image_service import Processing, ProcessMethod
from imgsvc.server.nl_image_service import nl_image_methods
from imgsvc.server.overload.price import Pricing
from imgsvc.server.prepared_cache import MOST_KEY_BYTES, PreparedCache
from imgsvc.server.prepared_recipe import run_recipe
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest
from imgsvc.v1.image_pb2 import EncodedImage, Pixels
from imgsvc.v1.image_pb2 import Image as ImageMessage
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchResponse, ProcessRequest
from imgsvc.v1.recipe_pb2 import Recipe as RecipeMessage
from imgsvc.wire.envelope import delimiter
from imgsvc.wire.process import draft_request, draft_response, read_batch_response, read_response

LIMITS = Limits()
GROUP = b"\xfb\x3e\xfc\x3e"


class Running:
    """A call that computes at once, on one core."""

    def __init__(self):
        self.stop = Stop()
        self.stages = []
        self.asked = []
        self.predicted = 0.0

    def note(self, stage, start, end):
        assert start <= end
        self.stages.append(stage)

    def compute(self, function, num_bytes, most=None):
        self.asked.append((num_bytes, most))
        return function(1)


@pytest.fixture(scope="module")
def pricing():
    prediction = Prediction()
    prediction.calibrate()
    return Pricing(prediction)


@pytest.fixture
def processing(pricing):
    return Processing(LIMITS, {"small": Preset("small", Pipeline("resize width=4"))}, pricing)


@pytest.fixture
def process(processing):
    return ProcessMethod(processing)


@pytest.fixture
def no_plans(monkeypatch):
    """Fail whoever parses or plans, once it is called."""

    def forbid():
        def fail(*_, **__):
            pytest.fail("planned again")

        for name in ("plan_recipe", "read_recipe", "read_source"):
            monkeypatch.setattr(image_service, name, fail)

    return forbid


def raw(image, profile=None):
    return RawImage(image.shape, image.dtype, image, profile)


def request(source, *arguments, **keywords):
    draft, room = draft_request(source, Recipe(*arguments, **keywords))
    if room is not None:
        room[...] = source.pixels
    return draft.finish()


def ramp(shape, dtype=np.uint8, start=0):
    return (np.arange(np.prod(shape)) * 7 + start).astype(dtype).reshape(shape)


def pixels_in(message):
    [result] = read_response(message)
    return result.pixels


# NLImageService.


def nl_image(shape, start=0):
    image = ramp(shape, start=start)
    return NLImage(color=len(shape) == 3, data=image.tobytes(), width=shape[1], height=shape[0])


@pytest.mark.parametrize("shape", [(1, 1), (9, 7), (9, 7, 3), (64, 64, 3)], ids=str)
def test_an_operation_is_prepared_once_for_a_shape(pricing, shape):
    methods = nl_image_methods(pricing)
    mean, rotate = methods["/NLImageService/MeanFilter"], methods["/NLImageService/RotateImage"]
    for method, operation, wrap in (
        (mean, MeanFilter(), lambda image: image),
        (rotate, Rotate90(3), lambda image: NLImageRotateRequest(rotation=3, image=image)),
    ):
        bodies = [wrap(nl_image(shape, start)).SerializeToString() for start in (0, 50)]
        assert method.find(bodies[0]) is None
        first, second = method.prepare(bodies[0]), method.find(bodies[1])
        for start, prepared in ((0, first), (50, second)):
            call, image = Running(), ramp(shape, start=start)
            made = prepared.run(call)
            expected = operation(image)
            answer = NLImage.FromString(made.message)
            assert (answer.width, answer.height) == expected.shape[1::-1]
            assert (answer.data, made.keep) == (expected.tobytes(), True)
            assert call.stages == [operation.name]
            assert call.asked == [(image.size, None)]
            assert prepared.cache_key("me") == operation_key(operation, image, "me")
        assert first.price == second.price == pricing.operation(operation, shape, expected.shape)


def test_rotations_and_shapes_are_told_apart(pricing):
    rotate = nl_image_methods(pricing)["/NLImageService/RotateImage"]
    shapes = [(4, 6), (6, 4), (2, 12), (4, 2, 3)]
    bodies = {
        (turns, shape): NLImageRotateRequest(rotation=turns, image=nl_image(shape)).SerializeToString()
        for turns, shape in itertools.product(range(4), shapes)
    }
    for body in bodies.values():
        rotate.prepare(body)
    for (turns, shape), body in bodies.items():
        expected = Rotate90(turns)(ramp(shape))
        assert NLImage.FromString(rotate.find(body).run(Running()).message).data == expected.tobytes()


def test_pixels_that_do_not_fit_are_not_found(pricing):
    mean = nl_image_methods(pricing)["/NLImageService/MeanFilter"]
    mean.prepare(nl_image((3, 4)).SerializeToString())
    for size in (11, 13, 1):
        body = NLImage(width=4, height=3, data=bytes(size)).SerializeToString()
        assert mean.find(body) is None
        with pytest.raises(InvalidImageError, match=rf"^data: {size} bytes, expected 12 bytes"):
            mean.prepare(body)
    for body in (b"", b"\x10", NLImage(width=4, height=3).SerializeToString(), b"\x12\xff\xff\xff\xff\x0f"):
        assert mean.find(body) is None
        with pytest.raises((InvalidInputError, DecodeError)):
            mean.prepare(body)


@pytest.mark.parametrize("last", [True, False])
def test_of_several_payloads_the_one_that_counts_is_found(pricing, last):
    """In protobuf the last one; the header tells which that is."""
    mean = nl_image_methods(pricing)["/NLImageService/MeanFilter"]
    image, other = nl_image((3, 4)).SerializeToString(), NLImage(data=bytes(12)).SerializeToString()
    body = other + image if last else image + other
    mean.prepare(body)
    answer = NLImage.FromString(mean.find(body).run(Running()).message)
    assert answer.data == MeanFilter()(ramp((3, 4)) if last else np.zeros((3, 4), np.uint8)).tobytes()


def test_an_unusual_message_is_prepared_each_time(pricing, process):
    mean = nl_image_methods(pricing)["/NLImageService/MeanFilter"]
    for method, body in (
        (mean, nl_image((3, 4)).SerializeToString()),
        (process, request(raw(ramp((3, 4))), "invert")),
    ):
        expected = method.prepare(body).run(Running()).message
        for _ in range(2):
            assert method.find(body + GROUP) is None
            assert method.prepare(body + GROUP).run(Running()).message == expected


def test_a_stopped_call_is_not_computed(pricing, process):
    mean = nl_image_methods(pricing)["/NLImageService/MeanFilter"]
    for method, body in (
        (mean, nl_image((300, 300)).SerializeToString()),
        (process, request(raw(ramp((300, 300))), "invert")),
        (process, request(raw(ramp((300, 300))), "invert | mean")),
    ):
        call = Running()
        call.stop.cancel()
        with pytest.raises(StoppedError):
            method.prepare(body).run(call)


# ImageService.

IMAGES = {
    "gray": (ramp((5, 6)), None),
    "RGB with a profile": (ramp((5, 6, 3)), b"profile"),
    "RGBA": (ramp((5, 6, 4)), None),
    "uint16": (ramp((5, 6, 3), np.uint16), b"profile"),
    "float32": (ramp((5, 6), np.float32), None),
}
PIPELINES = [
    "",
    "rotate90 1",
    "pad left=2 | flip axis=0",
    "convert uint8 | mean",
    "convert uint8 | grayscale",
]


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("name", IMAGES)
def test_pixels_of_pixels_are_what_the_way_of_files_makes(process, no_plans, name, pipeline):
    image, profile = IMAGES[name]
    recipe = Recipe(pipeline, (Output(name="a name"),))
    body = request(raw(image, profile), recipe.pipeline, recipe.outputs)
    assert process.find(body) is None
    first = process.prepare(body)
    plan = plan_recipe(raw(image, profile), recipe, LIMITS)
    expected = run_recipe(plan, raw(image, profile), recipe, LIMITS, call=Running(), draft=draft_response)
    assert first.price == process._processing.pricing.recipe(plan)
    no_plans()
    for prepared in (first, process.find(body)):
        call = Running()
        assert prepared.run(call) == expected
        assert call.stages == [step.operation.name for step in plan.outputs[0].steps.steps]
        assert prepared.cache_key("me") == recipe_key(plan, raw(image, profile), "me")
        batch = ProcessBatchResponse.FromString(prepared.run(Running(), "42").message)
        assert [each.id for each in batch.results] == ["42"]
        assert batch.results[0].response.SerializeToString() == expected.message


@given(st.binary(min_size=24, max_size=24), st.integers(0, 8))
def test_pixels_may_lie_anywhere_in_a_message(data, padding):
    process = ProcessMethod(Processing(LIMITS, {}, Pricing(Prediction())))
    image = np.frombuffer(data, np.float32).reshape(2, 3)
    unknown = b"\xfa\x3e" + bytes([padding]) + bytes(padding)
    body = unknown + request(raw(image), "rotate90 1")
    for prepared in (process.prepare(body), process.find(body)):
        assert pixels_in(prepared.run(Running()).message).tobytes() == Rotate90(1)(image).tobytes()


def test_several_outputs_are_planned_once(process, no_plans):
    outputs = Output("raw", name="a"), Output("png", name="b", pipeline="rotate90 1"), Output("raw", name="c")
    bodies = [request(raw(ramp((5, 6), start=start)), "invert", outputs) for start in (0, 9)]
    process.prepare(bodies[0])
    no_plans()
    for start, body in zip((0, 9), bodies, strict=True):
        a, b, c = read_response(process.find(body).run(Running()).message)
        assert a.pixels.tobytes() == c.pixels.tobytes() == (255 - ramp((5, 6), start=start)).tobytes()
        assert (b.format, b.width, b.height) == ("png", 5, 6)
        [(item, results)] = read_batch_response(process.find(body).run(Running(), "7").message)
        assert (item, [result.name for result in results]) == ("7", ["a", "b", "c"])


def test_files_are_planned_once_for_what_their_headers_say(process, monkeypatch):
    planned = []

    def plan(source, *arguments, **keywords):
        planned.append(keywords["header"])
        return plan_recipe(source, *arguments, **keywords)

    monkeypatch.setattr(image_service, "plan_recipe", plan)
    for shape in ((5, 6), (5, 6), (6, 5), (5, 6, 3), (5, 6)):
        for start in (0, 9):
            image = ramp(shape, start=start)
            body = request(ImageFile(encode(image, "png")), "invert", (Output("raw"),))
            assert process.find(body) is None  # its header takes too long for that
            prepared = process.prepare(body)
            np.testing.assert_array_equal(pixels_in(prepared.run(Running()).message), 255 - image)
            source, recipe = ImageFile(encode(image, "png")), Recipe("invert", (Output("raw"),))
            assert prepared.cache_key("") == recipe_key(plan_recipe(source, recipe, LIMITS), source, "")
    assert len(planned) == len(set(planned)) == 3


def test_a_file_of_another_format_is_planned_anew(process):
    image = ramp((5, 6, 3))
    for kind in ("png", "bmp", "tiff", "png", "gif"):
        body = request(ImageFile(encode(image, kind)), "invert")
        [result] = read_response(process.prepare(body).run(Running()).message)
        assert result.format == kind
    damaged = request(ImageFile(b"no image"), "invert")
    with pytest.raises(InvalidImageError):
        process.prepare(damaged)


@pytest.mark.parametrize("pixels_last", [True, False])
def test_a_source_that_is_replaced_has_no_part(process, pixels_last):
    file = ImageMessage(encoded=EncodedImage(data=encode(ramp((2, 2)), "png")))
    pixels = ImageMessage(pixels=Pixels(width=3, height=2, data=bytes(range(6))))
    order = [file, pixels] if pixels_last else [pixels, file]
    body = b"".join(ProcessRequest(image=image).SerializeToString() for image in order)
    body += ProcessRequest(recipe=RecipeMessage(text="invert")).SerializeToString()
    for _ in range(2):
        prepared = process.find(body) or process.prepare(body)
        [result] = read_response(prepared.run(Running()).message)
        if pixels_last:
            assert result.pixels.tobytes() == bytes(255 - value for value in range(6))
        else:
            assert (result.format, result.width) == ("png", 2)
    assert (process.find(body) is None) == (not pixels_last)


def test_options_make_other_requests(process):
    image = raw(ramp((5, 6)))
    recipes = [("invert",), ("mean",), ("invert", (Output("png"),)), ("invert", (Output("png", effort=9),))]
    bodies = [request(image, *recipe) for recipe in recipes]
    answers = [process.prepare(body).run(Running()).message for body in bodies]
    assert [process.find(body).run(Running()).message for body in bodies] == answers
    assert len({process.find(body).cache_key("") for body in bodies}) == len(bodies)


def test_a_preset_is_that_of_its_server(process, pricing):
    message = ImageMessage(pixels=Pixels(width=6, height=5, data=bytes(30)))
    body = ProcessRequest(image=message, recipe=RecipeMessage(preset="small")).SerializeToString()
    presets = {"small": Preset("small", Pipeline("resize width=3"))}
    other = ProcessMethod(Processing(LIMITS, presets, pricing))
    for _ in range(2):
        for method, width in ((process, 4), (other, 3)):
            prepared = method.find(body) or method.prepare(body)
            assert pixels_in(prepared.run(Running()).message).shape[1] == width


def test_what_fails_is_not_kept(process):
    image = ramp((5, 6))
    outputs = Output("raw", name="a"), Output("raw", name="b", pipeline="crop left=9 top=0 width=2 height=2")
    body = request(raw(image), "invert", outputs)
    for _ in range(2):
        prepared = process.prepare(body)
        made = prepared.run(Running())
        assert [type(each).__name__ for each in read_response(made.message)] == ["RawResult", "FailedResult"]
        assert not made.keep
        assert prepared.cache_key("") is None
        assert process.find(body) is None
    too_large = Processing(Limits(pixels=29), {}, process._processing.pricing)
    for _ in range(2):
        with pytest.raises(LimitExceededError, match=r"^image: 30 pixels"):
            ProcessMethod(too_large).prepare(request(raw(image), "invert"))


def test_items_are_planned_once_for_a_recipe_and_a_shape(processing, no_plans, monkeypatch):
    message = RecipeMessage(text="invert")
    recipe = processing.read_recipe(message)
    assert processing.read_recipe(RecipeMessage(text="invert")) is recipe
    assert processing.read_recipe(RecipeMessage(text="mean")) is not recipe
    for start in (0, 9):
        image = ramp((5, 6, 3), start=start)
        item = BatchItem(
            id="1", image=ImageMessage(pixels=Pixels(width=6, height=5, channels=3, data=image.tobytes()))
        )
        prepared = processing.prepare_item(item, memoryview, recipe)
        [(_, [result])] = read_batch_response(prepared.run(Running(), item.id).message)
        np.testing.assert_array_equal(result.pixels, 255 - image)
        monkeypatch.setattr(image_service, "plan_recipe", None)
    with pytest.raises(InvalidImageError):
        processing.prepare_item(BatchItem(), memoryview, recipe)


def test_prices_are_made_again_once_something_is_measured(monkeypatch):
    prediction = Prediction()
    pricing = Pricing(prediction)
    process = ProcessMethod(Processing(LIMITS, {}, pricing))
    mean = nl_image_methods(pricing)["/NLImageService/MeanFilter"]
    cases = (process, request(raw(ramp((5, 6))), "invert")), (mean, nl_image((5, 6)).SerializeToString())
    assert [method.prepare(body).price.core_seconds for method, body in cases] == [0, 0]
    assert [method.find(body).price.core_seconds for method, body in cases] == [0, 0]
    prediction.calibrate()
    assert all(method.find(body).price.core_seconds > 0 for method, body in cases)


# The cache.


def test_the_oldest_are_dropped_but_for_those_that_are_found_again():
    cache = PreparedCache(most_entries=4)
    for key in range(4):
        cache.keep(key, str(key), 1)
    assert cache.get(0) == "0"
    for key in range(4, 7):
        cache.keep(key, str(key), 1)
    assert [cache.get(key) for key in range(7)] == ["0", None, None, None, "4", "5", "6"]
    for key in range(100, 104):  # all were found: the oldest goes all the same
        cache.keep(key, str(key), 1)
    assert sum(cache.get(key) is not None for key in range(104)) == 4


def test_a_stream_of_new_requests_does_not_drop_one_that_is_found():
    cache = PreparedCache(most_entries=64)
    cache.keep("usual", "value", 1)
    for key in range(10_000):
        cache.keep(key, key, 1)
        if key % 30 == 0:
            assert cache.get("usual") == "value"


def test_what_is_kept_is_bounded_in_bytes():
    cache = PreparedCache(most_bytes=10 << 20)
    for key in range(100):
        cache.keep(key, key, 1000, 1 << 20)
        assert cache.get(key) == key
        assert cache._num_bytes <= 10 << 20
    assert [key for key in range(100) if cache.get(key) is not None] == list(range(91, 100))
    cache.keep(99, "again", 1000)
    assert cache.get(99) == "again"
    assert cache._num_bytes == sum(entry.num_bytes for entry in cache._entries.values())


@pytest.mark.parametrize("size", [(MOST_KEY_BYTES + 1, 0), (1, prepared_cache.MOST_TABLE_BYTES + 1)])
def test_what_is_large_is_not_kept(size):
    cache = PreparedCache()
    cache.keep("usual", 1, MOST_KEY_BYTES, prepared_cache.MOST_TABLE_BYTES)
    cache.keep("large", 1, *size)
    assert (cache.get("usual"), cache.get("large")) == (1, None)


def test_large_recipes_and_tables_are_prepared_each_time(process):
    image = raw(ramp((5, 6)))
    rows = " | ".join(["convolve " + str([[index] * 31] * 31).replace(" ", "") for index in range(1, 4)])
    large = request(image, Pipeline(rows), (Output("raw"),))
    for _ in range(2):
        assert process.find(large) is None
        process.prepare(large)
    assert not process._processing._recipes._entries
    assert not process._processing._planned._entries


def test_recipes_with_tables_are_kept(process, rng):
    tables = [Lut(rng.bytes(768)) for _ in range(4)]
    operations = [operation for table in tables for operation in (table, MeanFilter())]
    body = request(raw(ramp((5, 6, 3))), Pipeline(operations))
    expected = process.prepare(body).run(Running()).message
    assert process.find(body).run(Running()).message == expected
    assert len(process._processing._planned._entries) == 1


@pytest.mark.parametrize(
    "more", [delimiter(99, 1 << 20) + bytes(1 << 20), delimiter(99, 0) * 3000], ids=["bytes", "fields"]
)
def test_what_is_in_no_cache_is_not_looked_for(process, pricing, more):
    mean = nl_image_methods(pricing)["/NLImageService/MeanFilter"]
    for method, body in (
        (mean, nl_image((3, 4)).SerializeToString()),
        (process, request(raw(ramp((3, 4))), "invert")),
    ):
        expected = method.prepare(body).run(Running()).message
        for _ in range(2):
            assert method.prepare(body + more).run(Running()).message == expected
            assert method.find(body + more) is None


def test_many_threads_keep_and_find_at_once():
    cache = PreparedCache(most_entries=8)
    failed = []

    def work(number):
        for round_ in range(3000):
            key = (round_ * number) % 23
            value = cache.get(key)
            if value not in (None, str(key)):
                failed.append((key, value))
            cache.keep(key, str(key), key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(cache._entries) == 8
    assert cache._num_bytes == sum(entry.num_bytes for entry in cache._entries.values())
