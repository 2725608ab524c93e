"""What computes nothing takes pixels of 16 bits and floats, byte for byte as NumPy; `convert` takes any."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc import Pipeline, _dispatch, operations
from imgsvc._stop import Stop
from imgsvc.errors import ImgsvcError, InvalidImageError, InvalidParameterError, StoppedError
from imgsvc.operations import Convert, Crop, Flip, Pad, Resize, Rotate90
from imgsvc.operations.borders import BORDERS
from tests import builds, reference
from tests.operations.every import EXAMPLES
from tests.operations.images import CHUNK_SHAPES, MOST_VALUES, THREADS, deep_images, per_isa
from tests.operations.test_door import frames, parameters
from tests.operations.test_memory import SHAPES, guarded

DTYPES = [np.uint16, np.float32]
EVERY_DEEP = pytest.mark.parametrize(
    ("operation", "dtype"),
    [(operation, dtype) for operation in EXAMPLES if operation.deep for dtype in DTYPES]
    + [(Convert(to), dtype) for to in ("uint16", "float32") for dtype in (np.uint8, *DTYPES)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)


def assert_same(result, expected):
    """Equal in all bits, of NaN too."""
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert result.tobytes() == np.ascontiguousarray(expected).tobytes()


def deep(rng, shape, dtype):
    """An image of any bits."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return rng.integers(0, 256, size, np.uint8).view(dtype).reshape(shape)


class TestBesideNumPy:
    @per_isa
    @given(image=deep_images, turns=st.integers(0, 3))
    def test_rotate90(self, isa, image, turns):
        assert_same(imgsvc.rotate90(image, turns), np.rot90(image, turns))

    @per_isa
    @given(image=deep_images, axis=st.integers(0, 1))
    def test_flip(self, isa, image, axis):
        assert_same(imgsvc.flip(image, axis), np.flip(image, axis))

    @per_isa
    @given(image=deep_images, data=st.data())
    def test_crop(self, isa, image, data):
        left = data.draw(st.integers(0, image.shape[1] - 1))
        top = data.draw(st.integers(0, image.shape[0] - 1))
        width, height = image.shape[1] - left, image.shape[0] - top
        assert_same(imgsvc.crop(image, left=left, top=top, width=width, height=height), image[top:, left:])

    @pytest.mark.parametrize("border", BORDERS)
    @per_isa
    @given(image=deep_images, amounts=st.tuples(*[st.integers(0, 90)] * 4))
    def test_pad(self, isa, border, image, amounts):
        left, top, right, bottom = amounts
        result = imgsvc.pad(image, left=left, top=top, right=right, bottom=bottom, border=border)
        assert_same(result, reference.pad(image, left, top, right, bottom, border))

    @per_isa
    @given(image=deep_images, size=st.tuples(st.integers(1, 90), st.integers(1, 90)))
    def test_resize(self, isa, image, size):
        result = imgsvc.resize(image, width=size[0], height=size[1], resample="nearest")
        assert_same(result, reference.resize(image, *size, "nearest"))

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_chunk_edges(self, isa, rng, dtype):
        for height, width, channels in CHUNK_SHAPES:
            image = deep(rng, (height, max(width // np.dtype(dtype).itemsize, 1), channels), dtype)
            for turns in range(4):
                assert_same(imgsvc.rotate90(image, turns, num_threads=2), np.rot90(image, turns))
            assert_same(imgsvc.flip(image, 1, num_threads=2), np.flip(image, 1))
            assert_same(imgsvc.transpose(image, num_threads=2), np.swapaxes(image, 0, 1))

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_every_remainder_of_a_row_and_of_a_block(self, isa, rng, dtype):
        for size, channels in itertools.product(range(1, 70), (1, 3, 4)):
            image = deep(rng, (3, size, channels), dtype)
            assert_same(imgsvc.flip(image, 1), np.flip(image, 1))
            for turned in (image, image.transpose(1, 0, 2)):
                assert_same(imgsvc.rotate90(turned, 1), np.rot90(turned, 1))


class TestFill:
    """The colour of `pad`'s frame is in the range of the image's dtype."""

    @pytest.mark.parametrize(
        ("dtype", "fill"),
        [
            (np.uint8, 255),
            (np.uint16, 65535),
            (np.uint16, (0, 40000, 65535)),
            (np.uint16, 300.0),
            (np.float32, 0.5),
            (np.float32, (-0.25, 1e30, 7)),
            (np.float32, -3.4028234663852886e38),
            (np.float32, 0.1),
            (np.float32, np.array([0.5, 1, 2])),
        ],
    )
    def test_it_is_what_is_seen(self, isa, dtype, fill):
        image = np.ones((3, 4, 3), dtype)
        expected = np.empty((5, 7, 3), dtype)
        expected[...] = np.asarray(fill, dtype)
        expected[1:4, 2:6] = image
        assert_same(imgsvc.pad(image, left=2, top=1, right=1, bottom=1, fill=fill), expected)

    @pytest.mark.parametrize(
        ("dtype", "fill", "message"),
        [
            (np.uint8, 256, "256, expected an integer from 0 to 255, the range of uint8"),
            (np.uint16, 65536, "65536, expected an integer from 0 to 65535, the range of uint16"),
            (np.uint16, -1, "-1, expected an integer from 0 to 65535, the range of uint16"),
            (np.uint16, (0, 0.5, 1), "0.5, expected an integer from 0 to 65535, the range of uint16"),
            (np.uint16, 1e10, "10000000000.0, expected an integer from 0 to 65535, the range of uint16"),
        ],
    )
    def test_out_of_range(self, dtype, fill, message):
        message = f"fill: {message}, or one for each channel"
        with pytest.raises(InvalidParameterError) as caught:
            imgsvc.pad(np.zeros((3, 4, 3), dtype), left=1, fill=fill)
        assert str(caught.value) == message
        with pytest.raises(InvalidParameterError) as caught:
            Pipeline(["rotate90 2", Pad(left=1, fill=fill)]).plan((3, 4, 3), dtype)
        assert str(caught.value) == f"operations[1].pad.{message}"

    @pytest.mark.parametrize("fill", [0, 7, 0.5, -1.25, 1e30, 2.0**31, (0.5, 1, 70000), 1e-40])
    def test_the_forms_of_pipelines_hold_it(self, fill):
        pipeline = Pipeline([Pad(left=1, fill=fill)])
        assert Pipeline(str(pipeline)) == pipeline
        assert Pipeline.from_json(pipeline.to_json()) == pipeline

    @pytest.mark.parametrize("fill", [7.0, np.float32(7), np.int8(7)])
    def test_equal_levels_are_equal(self, fill):
        assert repr(Pad(fill=fill)) == repr(Pad(fill=7))
        assert repr(Pad(fill=-0.0)) == repr(Pad())


@EVERY_DEEP
class TestArrays:
    def test_any_strides(self, isa, rng, operation, dtype):
        image = deep(rng, (97, 64, 3), dtype)
        for view in (
            image[::-1],
            image[:, ::-1],
            image[..., ::-1],
            image[::2, ::3],
            image[5:40, 7:50],
            image[..., 1],
            image[..., :1],
            image.transpose(1, 0, 2),
            np.asfortranarray(image),
            np.broadcast_to(image[0, 0], (3, 4, 3)),
            image[:1, :1],
        ):
            result = operation(view)
            assert_same(result, operation(np.ascontiguousarray(view)))
            assert result.flags.c_contiguous

    def test_any_address(self, isa, rng, operation, dtype):
        image = deep(rng, (40, 50, 3), dtype)
        memory = np.zeros(image.nbytes + 1, np.uint8)
        memory[1:] = np.frombuffer(image.tobytes(), np.uint8)
        assert_same(operation(memory[1:].view(dtype).reshape(image.shape)), operation(image))

    def test_out(self, rng, operation, dtype):
        image = deep(rng, (40, 50, 3), dtype)
        expected = operation(image)
        out = np.zeros_like(expected)
        assert operation(image, out=out) is out
        assert_same(out, expected)
        other = np.uint8 if expected.dtype == np.uint16 else np.uint16
        with pytest.raises(InvalidImageError, match=f"expected a {expected.dtype} array"):
            operation(image, out=np.zeros(expected.shape, other))

    def test_the_same_bytes_on_any_number_of_threads_and_any_instruction_set(
        self, operation, dtype, monkeypatch, rng
    ):
        for shape in [(97, 64, 3), (300, 500, 4), (2000, 3, 1), (1, 100_000), (100_000, 1)]:
            if math.prod(operation.output_shape(shape)) > MOST_VALUES:
                continue
            image = deep(rng, shape, dtype)
            results = set()
            for isa, num_threads in itertools.product(_dispatch.usable_isas(), THREADS):
                builds.use(monkeypatch, isa)
                results.add(operation(image, num_threads=num_threads).tobytes())
            assert len(results) == 1

    def test_nothing_beside_the_images_is_touched(self, isa, rng, operation, dtype):
        for shape, channels, at_end in itertools.product(SHAPES, (1, 3, 4), (False, True)):
            image = guarded((*shape, channels), at_end=at_end, dtype=dtype)
            image[...] = deep(rng, image.shape, dtype)
            expected = operation(np.array(image))
            out = guarded(expected.shape, at_end=at_end, dtype=operation.output_dtype(image.dtype))
            operation(image, out=out)
            assert_same(out, expected)

    def test_it_is_stopped(self, operation, dtype):
        image = np.zeros((97, 64, 3), dtype)
        late, cancelled = Stop(0), Stop()
        cancelled.cancel()
        out = np.full(operation.output_shape(image.shape), 77, operation.output_dtype(image.dtype))
        for stop in (late, cancelled):
            with pytest.raises(StoppedError):
                operation(image, out=out, stop=stop)
        assert (out == 77).all()

    def test_its_cost_counts_bytes(self, operation, dtype):
        shape = (480, 640, 3)
        of_bytes, cost = operation.cost(shape), operation.cost_of(shape, np.dtype(dtype))
        assert operation.cost_of(shape, np.dtype(np.uint8)) == of_bytes
        assert of_bytes <= cost <= 4 * of_bytes
        planned = Pipeline(operation).plan(shape, dtype)
        copied = math.prod(shape) * np.dtype(dtype).itemsize
        assert planned.cost == (copied if planned.copies else cost)


@EVERY_DEEP
class TestTheDoor:
    def test_everyday_calls_run_no_python(self, operation, dtype):
        image = np.zeros((100, 150, 3), dtype)
        if operation.kernel(image.shape, image.dtype) is None:
            pytest.skip("no kernel, or two: it looks first, or there is something around the image")
        door, given = getattr(operations, operation.name), parameters(operation)
        out = door(image, **given)
        for call in (
            lambda: door(image, **given),
            lambda: door(image, out=out, **given),
            lambda: door(image[5:, 7:], **given),
        ):
            call()
            assert frames(call) == []

    def test_the_same_results_and_errors(self, rng, operation, dtype):
        door, given = getattr(operations, operation.name), parameters(operation)
        for image in (
            deep(rng, (9, 8, 3), dtype),
            deep(rng, (9, 8), dtype),
            np.zeros((9, 8, 3)),
            np.zeros((9, 8, 3), np.dtype(dtype).newbyteorder()),
        ):
            expected, *others = [outcome(call, image, **given) for call in (door.__wrapped__, door, door)]
            assert others == [expected] * 2


def outcome(call, image, **given):
    """The result with its dtype and shape, or the error."""
    try:
        result = call(image, **given)
    except ImgsvcError as error:
        return type(error), str(error)
    return result.tobytes(), result.shape, result.dtype


@pytest.mark.parametrize(
    "operation",
    [Convert(), Convert("uint16"), Rotate90(), Flip(1), Resize(8192, 4096, "nearest")],
    ids=str,
)
def test_a_deadline_on_the_way_leaves_the_rest_undone(operation):
    image = np.full((8192, 4096), 0.5, np.float32)
    done = 0
    for seconds in (0.001, 0.003, 0.01, 0.03):  # a busy machine may not even begin in the first
        out = np.zeros(operation.output_shape(image.shape), operation.output_dtype(image.dtype))
        try:
            operation(image, out=out, num_threads=1, stop=Stop(seconds))
        except StoppedError:
            done = np.count_nonzero(out)
        if done:
            break
    assert 0 < done < out.size


def test_neighbours_that_are_done_in_one(rng):
    image = deep(rng, (40, 60, 3), np.uint16)
    pipeline = Pipeline(
        "rotate90 1 | flip 1 | rotate90 1 | crop left=2 top=3 width=30 height=20 "
        "| crop left=1 top=1 width=20 height=10"
    )
    plan = pipeline.plan(image.shape, image.dtype)
    assert [type(step.operation) for step in plan.steps] == [Flip, Crop]
    assert plan.dtype == np.uint16
    assert_same(pipeline.run(image), np.flip(image, 1)[4:14, 3:23])
    assert_same(Pipeline("rotate90 2 | rotate90 2").run(image), image)


def test_a_resize_that_computes_takes_bytes_alone():
    with pytest.raises(InvalidImageError, match="^image.dtype: uint16, expected uint8: "):
        imgsvc.resize(np.zeros((4, 4), np.uint16), width=2)
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline("resize width=2").plan((4, 4), np.uint16)
    assert str(caught.value) == (
        "operations[0].resize.image.dtype: uint16, expected uint8: put convert dtype=uint8 before it"
    )
    assert dataclasses.replace(Resize(width=2), resample="nearest").deep
