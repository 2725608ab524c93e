"""What is known of a pipeline before it is run, and that running it keeps to that."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsvc import Pipeline
from imgsvc._stop import Stop
from imgsvc.errors import InvalidImageError, InvalidParameterError, StoppedError
from imgsvc.operations import GaussianBlur, Operation, Resize
from imgsvc.operations.operation import SameShape
from tests.operations.every import EXAMPLES
from tests.operations.images import images


def test_a_plan():
    plan = Pipeline("resize width=100 height=80 | rotate90 | blur 50 | grayscale").plan((40, 50, 3))
    assert [step.src_shape for step in plan.steps] == [(40, 50, 3), (80, 100, 3), (100, 80, 3), (100, 80, 3)]
    assert [step.dst_shape for step in plan.steps] == [(80, 100, 3), (100, 80, 3), (100, 80, 3), (100, 80)]
    assert plan.shape == (100, 80)
    assert plan.dtype == np.uint8
    assert plan.largest == 8000
    assert plan.buffer_bytes == 2 * 24000
    blur = GaussianBlur(50)
    assert plan.cost == sum(step.operation.cost(step.src_shape) for step in plan.steps)
    assert plan.scratch_bytes(1) == blur.scratch_bytes((100, 80, 3), 1)
    assert plan.scratch_bytes(2) == blur.scratch_bytes((100, 80, 3), 2)


def test_the_tables_of_a_huge_resize_cost():
    """A row of 16 million weights is made in a third of a second, and the image is a megabyte."""
    wide = Pipeline("resize width=5000000 height=1 resample=bilinear").plan((1, 100))
    assert wide.cost > 100 * (5_000_000 + 100)
    assert Pipeline("resize width=50 height=1 resample=bilinear").plan((1, 100)).cost < 1000


@pytest.mark.parametrize(
    ("text", "buffer_bytes"),
    [
        ("", 0),
        ("mean", 0),
        ("mean | mean", 600),
        ("mean | mean | mean", 1200),
        ("mean | mean | mean | mean | mean", 1200),
        ("mean | resize width=40 | mean | grayscale", 2 * 2400),
        ("gamma 2 | invert | adjust 3 | rotate90 | rotate90", 600),
    ],
)
def test_buffers(text, buffer_bytes):
    assert Pipeline(text).plan((10, 20, 3)).buffer_bytes == buffer_bytes


def test_running_allocates_the_buffers_and_no_more(rng):
    image = rng.integers(0, 256, (500, 600, 3), dtype=np.uint8)
    for text in (
        "mean | blur 1 | sharpen | rotate90",
        "gamma 2 | invert | gamma 3",
        "mean | resize 900 | mean",
    ):
        plan = Pipeline(text).plan(image.shape)
        out = np.empty(plan.shape, np.uint8)
        plan.run(image, out, 1)  # weights and windows are made, and kept
        tracemalloc.start()
        plan.run(image, out, 1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert plan.buffer_bytes <= peak < plan.buffer_bytes + 20_000


@given(images, st.lists(st.sampled_from(EXAMPLES), max_size=6))
def test_the_plan_is_what_is_run(image, operations):
    pipeline = Pipeline(operations)
    try:
        plan = pipeline.plan(image.shape)
    except InvalidParameterError:
        return
    shape = pipeline.run(image).shape
    assert shape == plan.shape or (plan.at_most and shape[0] * shape[1] <= plan.largest)
    assert plan.cost > 0
    assert plan.largest <= plan.buffer_bytes + np.prod(plan.shape)
    assert 0 <= plan.scratch_bytes(1) <= plan.scratch_bytes(3)


def test_a_result_beyond_reason_is_refused_before_anything_is_allocated():
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline([Resize(width=10**6)] * 3 + [Resize(width=10**8, height=10**8)]).plan((10, 10))
    assert str(caught.value) == (
        "operations[3].resize.width, height: a result of 100000000×100000000 pixels, "
        "expected at most 1073741824 a side and 1099511627776 bytes"
    )


@pytest.mark.parametrize(
    ("src", "out", "error"),
    [
        (((4, 5, 3), "uint8"), ((6, 4, 3), "uint8"), r"image: \(4, 5, 3\) uint8, expected \(4, 6, 3\) uint8"),
        (
            ((4, 6, 3), "uint16"),
            ((6, 4, 3), "uint8"),
            r"image: \(4, 6, 3\) uint16, expected \(4, 6, 3\) uint8",
        ),
        (((4, 6, 3), "uint8"), ((4, 6, 3), "uint8"), r"out: \(4, 6, 3\) uint8, expected \(6, 4, 3\) uint8"),
    ],
)
def test_a_plan_runs_on_what_it_was_made_for(src, out, error):
    plan = Pipeline("rotate90 1").plan((4, 6, 3), np.uint8)
    with pytest.raises(InvalidImageError, match=error):
        plan.run(np.zeros(*src), np.zeros(*out))


def test_between_steps_it_is_asked_whether_to_go_on(photo):
    stop, after = Stop(), []

    class Stopping(SameShape):
        cost = staticmethod(len)

        def apply(self, src, dst, num_threads, stop):
            stop.cancel()

    class After(Stopping):
        def apply(self, src, dst, num_threads, stop):
            after.append(True)

    assert issubclass(After, Operation)
    with pytest.raises(StoppedError):
        Pipeline([Stopping(), After()]).run(photo, stop=stop)
    assert after == []
