"""The door of the public functions: what is everyday goes past Python, and nobody sees a difference."""

import copy
import dataclasses
import inspect
import pickle
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc import operations
from imgsvc.errors import ImgsvcError
from imgsvc.operations.operation import Operation, SameShape, public
from tests import builds
from tests.operations.every import EVERY
from tests.operations.images import images

MATRIX = np.ones((2, 2))


def parameters(operation):
    """What a caller gives to get that operation."""
    fields = {field.name: getattr(operation, field.name) for field in dataclasses.fields(operation)}
    return {name: value for name, value in fields.items() if value is not None}


def function(operation):
    return getattr(operations, operation.name)


def outcome(call, *args, **kwargs):
    """The result with all that can be seen of it, or the error."""
    try:
        result = call(*args, **kwargs)
    except (ImgsvcError, TypeError) as error:
        return type(error), str(error)
    return result.tobytes(), result.shape, result.dtype, type(result), result.flags.c_contiguous


def frames(call):
    """The Python functions of ours that a call runs."""
    seen = []

    def note(frame, event, argument):
        if event == "call" and "imgsvc" in frame.f_code.co_filename:
            seen.append(frame.f_code.co_qualname if sys.version_info >= (3, 11) else frame.f_code.co_name)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return [name for name in seen if "<lambda>" not in name]


@pytest.fixture(autouse=True)
def closed_before_and_after():
    builds.forget()
    yield
    builds.forget()


@EVERY
class TestEverydayCalls:
    def test_they_run_no_python_of_ours(self, operation):
        image = np.zeros((600, 900, 3), np.uint8)
        if operation.kernel(image.shape, image.dtype) is None:
            pytest.skip("no kernel, or two: it looks first, or there is something around the image")
        out = np.empty(operation.output_shape(image.shape), np.uint8)
        given = parameters(operation)
        door = function(operation)
        ways = {
            "plain": lambda: door(image, **given),
            "out": lambda: door(image, out=out, **given),
            "threads": lambda: door(image, num_threads=2, **given),
            "rows": lambda: door(np_rows, **given),
        }
        np_rows = np.zeros((700, 1000, 3), np.uint8)[50:650, 50:950]
        door(image, **given)
        assert {name: frames(call) for name, call in ways.items()} == {name: [] for name in ways}

    def test_the_first_call_is_the_functions(self, operation):
        image = np.zeros((6, 9, 3), np.uint8) if operation.name != "crop" else np.zeros((60, 90, 3), np.uint8)
        assert function(operation).__wrapped__.__name__ in str(
            frames(lambda: function(operation)(image, **parameters(operation)))
        )


@EVERY
class TestBothWays:
    @given(image=images)
    def test_the_same_result_or_error(self, operation, image):
        door, given = function(operation), parameters(operation)
        expected = outcome(door.__wrapped__, image, **given)
        assert [outcome(door, image, **given) for _ in range(3)] == [expected] * 3

    @given(data=st.data())
    def test_views(self, operation, data):
        image = data.draw(images)
        steps = st.sampled_from([slice(None), slice(None, None, -1), slice(None, None, 2), slice(1, None)])
        view = image[data.draw(steps), data.draw(steps)]
        if image.ndim == 3 and data.draw(st.booleans()):
            view = view[..., ::-1]
        door, given = function(operation), parameters(operation)
        expected = outcome(door.__wrapped__, view, **given)
        assert [outcome(door, view, **given) for _ in range(2)] == [expected] * 2

    def test_an_out_that_fits(self, operation, photo):
        door, given = function(operation), parameters(operation)
        expected = door.__wrapped__(photo, **given)
        out = np.empty_like(expected)
        for _ in range(2):
            assert door(photo, out=out, **given) is out
        np.testing.assert_array_equal(out, expected)

    @pytest.mark.parametrize(
        "spoiled",
        [
            lambda out, image: out[:-1],
            lambda out, image: out.astype(np.int16),
            lambda out, image: out[..., None],
            lambda out, image: np.asfortranarray(np.concatenate([out, out], 1))[:, : out.shape[1]],
            lambda out, image: np.concatenate([out, out])[::2],
            lambda out, image: out.tolist(),
            lambda out, image: image,
            lambda out, image: image[::-1],
            lambda out, image: np.frombuffer(out.tobytes(), out.dtype).reshape(out.shape),
        ],
    )
    def test_an_out_that_does_not(self, operation, photo, spoiled):
        door, given = function(operation), parameters(operation)
        out = spoiled(door(photo, **given), photo)
        assert outcome(door, photo, out=out, **given) == outcome(door.__wrapped__, photo, out=out, **given)

    @pytest.mark.parametrize(
        "image",
        [
            None,
            [[1, 2], [3, 4]],
            np.zeros((4, 4), np.int16),
            np.zeros((4, 4), ">u2"),
            np.zeros((4, 4), bool),
            np.zeros((0, 4), np.uint8),
            np.zeros((4, 4, 2), np.uint8),
            np.zeros((4, 4, 3, 1), np.uint8),
            np.ma.masked_array(np.zeros((4, 4), np.uint8)),
            np.zeros(4, np.uint8),
            np.uint8(3),
        ],
        ids=repr,
    )
    def test_what_is_no_image(self, operation, photo, image):
        door, given = function(operation), parameters(operation)
        expected = outcome(door.__wrapped__, image, **given)
        assert [outcome(door, image, **given) for _ in range(2)] == [expected] * 2

    @pytest.mark.parametrize("num_threads", [1, 2, 256, True, np.int64(2), 0, -1, 257, 1 << 80, 1.0, "2"])
    def test_numbers_of_threads(self, operation, photo, num_threads):
        door, given = function(operation), {"num_threads": num_threads, **parameters(operation)}
        expected = outcome(door.__wrapped__, photo, **given)
        door(photo, **parameters(operation))
        assert outcome(door, photo, **given) == expected

    def test_parameters_that_are_none_of_its_own(self, operation, photo):
        door, given = function(operation), parameters(operation)
        door(photo, **given)
        for args, more in [((), {}), ((photo,), {"nothing": 1}), ((photo, *[1] * 20), {})]:
            assert outcome(door, *args, **given, **more) == outcome(door.__wrapped__, *args, **given, **more)
        assert outcome(door, photo, image=photo) == outcome(door.__wrapped__, photo, image=photo)

    def test_an_image_by_name(self, operation, photo):
        door, given = function(operation), parameters(operation)
        expected = outcome(door.__wrapped__, photo, **given)
        assert [outcome(door, image=photo, **given) for _ in range(2)] == [expected] * 2

    def test_subclasses_of_arrays(self, operation, photo):
        class Special(np.ndarray):
            pass

        door, given = function(operation), parameters(operation)
        special = photo.view(Special)
        expected = outcome(door.__wrapped__, special, **given)
        door(photo, **given)
        assert outcome(door, special, **given) == expected


class TestValues:
    """What is equal in Python is not always as good a parameter."""

    @pytest.mark.parametrize(
        ("name", "good", "others"),
        [
            ("box_blur", {"radius": 1}, [{"radius": True}, {"radius": 1.0}, {"radius": np.int64(1)}]),
            ("flip", {"axis": 1}, [{"axis": True}, {"axis": 1.0}, {"axis": np.uint8(1)}]),
            ("gaussian_blur", {"sigma": 2.0}, [{"sigma": 2}, {"sigma": "2"}, {"sigma": np.float32(2)}]),
            ("pad", {"fill": (1, 1, 1)}, [{"fill": (True, 1, 1)}, {"fill": [1] * 3}, {"fill": 1}]),
            ("convolve", {"weights": [[1.0]]}, [{"weights": w} for w in (((1,),), [["1"]], [[1], [1, 2]])]),
            ("convolve", {"weights": MATRIX}, [{"weights": MATRIX.reshape(1, 4)}, {"weights": MATRIX > 0}]),
            ("lut", {"table": bytes(256)}, [{"table": t} for t in ([0] * 256, bytearray(256), MATRIX)]),
            ("resize", {"width": 3}, [{"height": 3}, *({"width": 3, "resample": r} for r in "x\udcff")]),
            ("threshold", {"level": 5}, [{"level": 1 << 70}, {"level": -1}, {"level": None}]),
        ],
    )
    def test_they_are_told_apart_by_type(self, photo, name, good, others):
        door = getattr(imgsvc, name)
        door(photo, **good)
        for other in others:
            expected = outcome(door.__wrapped__, photo, **other)
            assert [outcome(door, photo, **other) for _ in range(2)] == [expected] * 2

    def test_arrays_that_are_changed(self, photo):
        weights, table = np.ones((3, 3)), np.arange(256, dtype=np.uint8)
        for _ in range(3):
            weights[0, 0] += 1
            table[:] = table[::-1]
            np.testing.assert_array_equal(
                imgsvc.convolve(photo, weights), imgsvc.convolve.__wrapped__(photo, weights)
            )
            np.testing.assert_array_equal(imgsvc.lut(photo, table), table[photo])

    def test_many_different_calls(self, photo):
        """More than are kept, in turn and again."""
        for _ in range(2):
            for size in range(1, 90):
                image = photo[:size, : 90 - size]
                np.testing.assert_array_equal(imgsvc.invert(image), 255 - image)
                np.testing.assert_array_equal(imgsvc.threshold(photo, size), (photo > size) * np.uint8(255))


class TestTheFunction:
    """To whoever looks, a door is the function that it is for."""

    @pytest.mark.parametrize("name", operations.OPERATIONS)
    def test_it_looks_like_it(self, name):
        door = getattr(imgsvc, name)
        assert door.__name__ == door.__qualname__ == name
        assert door.__module__.startswith("imgsvc.operations.")
        assert door.__doc__ == door.__wrapped__.__doc__
        assert inspect.signature(door) == inspect.signature(door.__wrapped__)
        assert isinstance(door.__wrapped__, types.FunctionType)
        assert inspect.isroutine(door)
        assert name in repr(door)

    @pytest.mark.parametrize("name", operations.OPERATIONS)
    def test_it_is_pickled_by_name(self, name):
        door = getattr(imgsvc, name)
        assert pickle.loads(pickle.dumps(door)) is door
        assert copy.copy(door) is copy.deepcopy(door) is door

    def test_it_is_a_method_where_a_function_is_one(self, photo):
        class Photo:
            pixels = photo
            negative = staticmethod(imgsvc.invert)
            method = imgsvc.invert

        assert Photo.method is imgsvc.invert
        assert (
            outcome(Photo().method)[1]
            == "image: Photo, expected a NumPy array: numpy.asarray(image) makes one"
        )

    def test_an_operation_without_one_works(self, photo):
        @dataclasses.dataclass(frozen=True)
        class Halve(SameShape):
            def cost(self, shape):
                return 1

            def apply(self, src, dst, num_threads, stop):
                np.floor_divide(src, 2, out=dst)

        def halve(image, *, out=None, num_threads=None):
            return Halve()(image, out=out, num_threads=num_threads)

        with_door = public(Halve)(halve)
        for each in (halve, with_door, with_door):
            np.testing.assert_array_equal(each(photo), photo // 2)
        np.testing.assert_array_equal(imgsvc.Pipeline([Halve()]).run(photo), photo // 2)

    def test_an_operation_needs_one_of_both(self, photo):
        class Nothing(SameShape):
            def cost(self, shape):
                return 1

        with pytest.raises(NotImplementedError, match="^Nothing has neither a kernel nor an `apply`"):
            Nothing()(photo)
        assert Operation.kernel(Nothing(), photo.shape, photo.dtype) is None

    @pytest.mark.parametrize(
        "function",
        [lambda image: image, lambda *, out, num_threads: out],
    )
    def test_what_no_door_is_for(self, function):
        with pytest.raises(TypeError):
            public(operations.Invert)(function)


def test_pipelines_run_no_python_of_operations(photo):
    pipeline = imgsvc.Pipeline("mean | resize width=20 | flip 1 | threshold 100")
    pipeline.run(photo)
    assert not [
        name for name in frames(lambda: pipeline.run(photo)) if name in {"Operation.compute", "apply"}
    ]
