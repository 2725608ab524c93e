"""Work that is stopped: by a flag, by a deadline, at once or on its way."""

import contextlib
import math
import threading

import numpy as np
import pytest

from imgsvc import _threads
from imgsvc._stop import Stop
from imgsvc.errors import InvalidParameterError, StoppedError
from imgsvc.operations import MeanFilter
from tests.operations.every import EVERY

UNTOUCHED = 0xA5
# Long rows, long columns and neither: 64 MB, which no machine filters in a millisecond.
LARGE = 1 << 26
LARGE_SHAPES = [(1, LARGE), (LARGE, 1), (8192, 8192), (3, 1 << 23, 3)]


def test_without_a_deadline():
    for stop in (Stop(), Stop(None), Stop(9.3e18), Stop(float("inf"))):
        assert stop.remaining is None
        assert not stop.cancelled
        assert not stop.stopped


def test_a_deadline():
    assert 59 < Stop(60).remaining <= 60
    assert Stop(0).remaining <= 0
    assert Stop(-5).remaining <= 0


def test_what_is_no_deadline():
    with pytest.raises(TypeError):
        Stop("soon")


@pytest.fixture
def threads_for_small_images(monkeypatch):
    monkeypatch.setattr(_threads, "BYTES_PER_THREAD", 1)


@pytest.mark.usefixtures("threads_for_small_images")
@pytest.mark.parametrize("num_threads", [1, 2, 3])
@EVERY
class TestKernels:
    def test_one_that_is_cancelled_does_nothing(self, isa, photo, operation, num_threads):
        stop = Stop()
        stop.cancel()
        out = np.full(operation.output_shape(photo.shape), UNTOUCHED, np.uint8)
        with pytest.raises(StoppedError, match="^cancelled before the result was ready$") as raised:
            operation(photo, out=out, num_threads=num_threads, stop=stop)
        assert raised.value.cancelled
        assert (out == UNTOUCHED).all()

    def test_one_that_is_late_does_nothing(self, isa, photo, operation, num_threads):
        out = np.full(operation.output_shape(photo.shape), UNTOUCHED, np.uint8)
        with pytest.raises(StoppedError, match="^not ready by its deadline$") as raised:
            operation(photo, out=out, num_threads=num_threads, stop=Stop(0))
        assert not raised.value.cancelled
        assert (out == UNTOUCHED).all()

    def test_one_with_time_does_all(self, isa, photo, operation, num_threads):
        stop = Stop(3600)
        result = operation(photo, num_threads=num_threads, stop=stop)
        np.testing.assert_array_equal(result, operation(photo))
        assert not stop.stopped

    def test_one_that_is_cancelled_too_late_has_its_result(self, photo, operation, num_threads):
        stop = Stop()
        operation(photo, num_threads=num_threads, stop=stop)
        stop.cancel()
        assert not stop.stopped


@pytest.fixture(scope="module")
def large_memory():
    """Room for images and for results: memory that is there already when a deadline comes."""
    return np.zeros(2 * LARGE, np.uint8), np.zeros(5 * LARGE, np.uint8)


@pytest.mark.parametrize("shape", LARGE_SHAPES, ids=str)
@EVERY
def test_a_deadline_on_the_way_leaves_the_rest_undone(large_memory, operation, shape):
    sources, results = large_memory
    if operation.looks:
        pytest.skip("it looks first")
    try:
        while math.prod(whole := operation.output_shape(shape)) > results.size:  # a long column with a border
            shape = (shape[0] // 2, *shape[1:])
    except InvalidParameterError as error:
        pytest.skip(str(error))
    if 8 * math.prod(whole) < math.prod(shape):
        pytest.skip("done before any deadline")
    image = sources[: math.prod(shape)].reshape(shape)
    out = results[: math.prod(whole)].reshape(whole)
    done = 0
    # A busy machine may not even begin before the first ones, and be done before the next.
    for seconds in 5 * (0.001, 0.003, 0.01, 0.03, 0.1):
        out.fill(UNTOUCHED)
        with contextlib.suppress(StoppedError):
            operation(image, out=out, num_threads=1, stop=Stop(seconds))
        done = np.count_nonzero(out != UNTOUCHED)
        if 0 < done < out.size:
            break
    assert 0 < done < out.size


def test_a_cancellation_on_the_way_from_another_thread():
    image = np.zeros((8192, 8192), np.uint8)
    out = np.empty_like(image)
    stop = Stop()

    def filter_until_stopped():
        while not stop.stopped:
            MeanFilter().apply(image[..., None], out[..., None], 2, stop)

    running = threading.Thread(target=filter_until_stopped, daemon=True)
    running.start()
    running.join(0.05)
    assert running.is_alive()
    stop.cancel()
    running.join(30)
    assert not running.is_alive()
