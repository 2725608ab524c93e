"""imgsvc.Client.process_many: order, bounds, errors, interruptions."""

import queue
import threading
import time

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.errors import (
    ImageReadError,
    InvalidImageError,
    InvalidParameterError,
    OverloadedError,
    RequestRefusedError,
    ServiceError,
    ServiceTimeoutError,
    ServiceUnavailableError,
)
from imgsvc.server.error_details import error_metadata
from tests import processes, v1
from tests.client import scripted


@pytest.fixture(scope="module")
def client(server):
    with imgsvc.Client(server.target) as connected:
        yield connected


@pytest.fixture
def images(rng):
    return [rng.integers(0, 256, (20 + i % 7, 30, 3), dtype=np.uint8) for i in range(200)]


class TestResults:
    def test_by_number(self, client, images):
        results = dict(client.process_many(images, "invert"))
        assert sorted(results) == list(range(200))
        for number, image in enumerate(images):
            np.testing.assert_array_equal(results[number].array, 255 - image)

    def test_by_what_they_came_with(self, client, images):
        keys = [("a", 1), None, "b", 7, "b"]
        results = list(client.process_many(zip(keys, images, strict=False), "invert", ordered=True))
        assert [key for key, _ in results] == keys
        assert [result.height for _, result in results] == [image.shape[0] for image in images[:5]]

    def test_in_order(self, client, rng):
        images = [rng.integers(0, 256, (600 if i % 5 == 0 else 4, 800), dtype=np.uint8) for i in range(40)]
        results = list(client.process_many(images, "gaussian_blur sigma=4", ordered=True, in_flight=8))
        assert [key for key, _ in results] == list(range(40))
        assert [result.height for _, result in results] == [image.shape[0] for image in images]

    def test_of_all_kinds_at_once(self, client, photo, tmp_path):
        path = tmp_path / "photo.png"
        path.write_bytes(v1.encoded(photo))
        images = [photo, path, str(path), path.read_bytes(), v1.opened(path.read_bytes())]
        results = list(client.process_many(images, "rotate90", output="raw", ordered=True))
        for _, result in results:
            np.testing.assert_array_equal(result.array, np.rot90(photo))

    def test_bad_ones_do_not_stop_the_others(self, client, photo):
        images = [photo, b"no image", "/nonexistent", [[1]], np.zeros((0, 4), np.uint8), photo]
        kinds = [type(result) for _, result in client.process_many(images, "invert", ordered=True)]
        refused = [RequestRefusedError, ImageReadError, InvalidImageError, InvalidImageError]
        assert kinds == [imgsvc.Result, *refused, imgsvc.Result]

    def test_none(self, client):
        assert list(client.process_many([])) == []

    def test_large_ones(self, client, rng):
        images = (rng.integers(0, 256, (2000, 3000, 3), dtype=np.uint8) for _ in range(6))
        assert (
            sum(result.array.nbytes for _, result in client.process_many(images, "flip axis=0"))
            == 6 * 18_000_000
        )

    def test_small_ones_share_messages(self, photo):
        class Script:
            def __call__(self, number, context):
                pass

            def batch(self, number, batches, context):
                messages = list(batches)  # all are there before the first answer
                yield from map(scripted.answers, messages)

        handler = scripted.Scripted(Script())
        with scripted.serving(handler) as port, imgsvc.Client(f"127.0.0.1:{port}") as connected:
            results = list(connected.process_many([photo] * 64, "invert", in_flight=65))
        assert len(results) == 64
        assert all(str(result).startswith("NOT_FOUND: scripted") for _, result in results)
        (messages,) = handler.batches
        assert [message.HasField("recipe") for message in messages] == [True] + [False] * (len(messages) - 1)
        assert sum(len(message.items) for message in messages) == 64
        assert max(len(message.items) for message in messages) > 1
        assert max(message.ByteSize() for message in messages) < (1 << 18) + 100 * 64

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"in_flight": 0}, "^in_flight: 0, expected an integer from 1 to 1024"),
            ({"timeout": -1}, "^timeout: -1, expected seconds"),
            ({"pipeline": "blur"}, "blur"),
        ],
    )
    def test_wrong_options_are_told_at_once(self, client, options, message):
        with pytest.raises(InvalidParameterError, match=message):
            client.process_many([], **options)


class TestBounds:
    @pytest.mark.parametrize("ordered", [False, True])
    def test_no_further_ahead_than_in_flight(self, client, photo, ordered):
        taken = []

        def images():
            for number in range(50):
                taken.append(number)
                yield photo

        for count, _ in enumerate(client.process_many(images(), "invert", in_flight=4, ordered=ordered), 1):
            assert len(taken) <= count + 4
        assert len(taken) == 50

    def test_an_image_may_wait_for_the_result_before_it(self, client, photo):
        results = queue.Queue()

        def images():
            image = photo
            for _ in range(4):
                yield image
                image = results.get(timeout=20)

        for _, result in client.process_many(images(), "rotate90"):
            results.put(result.array)
        np.testing.assert_array_equal(result.array, photo)

    def test_whoever_asks_for_no_more_ends_it(self, client, photo):
        ended = threading.Event()

        def images():
            try:
                while True:
                    yield photo
            finally:
                ended.set()

        source = images()
        results = client.process_many(source, "invert", in_flight=4)
        for _ in range(10):
            next(results)
        results.close()
        processes.wait_for(lambda: "imgsvc-batch" not in [thread.name for thread in threading.enumerate()])
        source.close()
        assert ended.is_set()
        assert client.invert(photo).shape == photo.shape


class TestInterruptions:
    def test_images_that_are_long_in_coming(self, serve, photo):
        server = serve("--port", "0", "--body-timeout", "0.5")

        def images():
            for _ in range(3):
                yield photo
                time.sleep(1.2)  # meanwhile the server ends the stream

        with imgsvc.Client(server.target, retries=0) as connected:
            assert len(list(connected.process_many(images(), "invert"))) == 3
        processes.wait_for(lambda: server.log.count("ProcessBatch") >= 2)  # streams that were ended

    def test_what_the_images_raise_is_raised(self, client, photo):
        def images():
            yield photo
            raise LookupError("no more")

        with pytest.raises(LookupError, match="no more"):
            list(client.process_many(images(), "invert"))

    def test_no_server(self, photo):
        with (
            imgsvc.Client("unix:/nonexistent", retries=1) as unconnected,
            pytest.raises(ServiceUnavailableError),
        ):
            list(unconnected.process_many([photo]))

    def test_a_closed_client(self, photo):
        closed = imgsvc.Client("unix:/nonexistent")
        closed.close()
        with pytest.raises(ServiceError, match="CANCELLED: this client is closed"):
            closed.process_many([photo])

    def test_a_server_that_comes_back(self, serve, images):
        first = serve("--port", "0")
        port = first.port
        with imgsvc.Client(f"127.0.0.1:{port}", retries=4) as connected:
            results = {}
            for number, result in connected.process_many(images, "invert", in_flight=8):
                results[number] = result
                if len(results) == 20:
                    first.process.kill()
                    first.wait()
                    serve("--port", port)
        assert sorted(results) == list(range(200))
        for number, image in enumerate(images):
            np.testing.assert_array_equal(results[number].array, 255 - image)

    def test_streams_that_break_are_taken_up_where_they_broke(self, photo):
        class Script:
            """Answers one message of each stream, then goes away, in one way or another."""

            def __call__(self, number, context):
                pass

            def batch(self, number, batches, context):
                yield scripted.answers(next(batches))
                if number % 2:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "went away")

        handler = scripted.Scripted(Script())
        with scripted.serving(handler) as port, imgsvc.Client(f"127.0.0.1:{port}", retries=1) as connected:
            results = list(connected.process_many([photo] * 60, "invert", in_flight=20))
        assert sorted(key for key, _ in results) == list(range(60))
        assert len(handler.batches) > 2
        assert all(messages[0].HasField("recipe") for messages in handler.batches)

    @pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT])
    def test_a_server_that_stays_away(self, photo, code):
        class Script:
            def __call__(self, number, context):
                context.abort(code, "the reason")

        handler = scripted.Scripted(Script())
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"127.0.0.1:{port}", retries=2) as connected,
            pytest.raises(ServiceError, match="the reason"),
        ):
            list(connected.process_many([photo]))
        assert handler.calls == (3 if code is grpc.StatusCode.UNAVAILABLE else 1)

    def test_answers_without_results_are_no_progress(self, photo):
        """Otherwise a server that sends such ones would be asked for ever."""
        handler = scripted.Scripted(scripted.EmptyAnswers())
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"127.0.0.1:{port}", retries=2) as connected,
            pytest.raises(ServiceError, match="before all results had come"),
        ):
            list(connected.process_many([photo]))
        assert handler.calls == 3

    def test_a_busy_server_is_asked_again_when_it_says(self, photo):
        class Script:
            def __call__(self, number, context):
                if number == 0:
                    code, error = grpc.StatusCode.RESOURCE_EXHAUSTED, OverloadedError("streams", 2, 1, 0.5)
                    context.set_trailing_metadata(error_metadata(code, str(error), error))
                    context.abort(code, str(error))

            def batch(self, number, batches, context):
                yield from map(scripted.answers, batches)

        begin = time.monotonic()
        with (
            scripted.serving(scripted.Scripted(Script())) as port,
            imgsvc.Client(f"127.0.0.1:{port}", retries=1) as connected,
        ):
            assert len(list(connected.process_many([photo] * 5))) == 5
        assert time.monotonic() - begin >= 0.5

    def test_a_server_that_says_nothing(self, photo):
        class Script:
            def __call__(self, number, context):
                pass

            def batch(self, number, batches, context):
                first = next(batches)
                yield scripted.answers(first)
                ended = threading.Event()
                context.add_callback(ended.set)
                ended.wait(20)

        with (
            scripted.serving(scripted.Scripted(Script())) as port,
            imgsvc.Client(f"127.0.0.1:{port}") as connected,
        ):
            results = connected.process_many([photo] * 60, "invert", in_flight=20, timeout=0.3)
            with pytest.raises(ServiceTimeoutError, match=r"no result for 0\.3 s, 20 images were under way"):
                list(results)

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (b"\xff", "INTERNAL: the server's answer cannot be read"),
            (
                b"\x0a\x03\x0a\x01x",
                "INTERNAL: the server's answer cannot be read: it is of an item 'x' that was",
            ),
            (b"\x0a\x05\x0a\x010\x12\x00", "0 results instead of 1"),
        ],
    )
    def test_answers_that_are_none(self, photo, answer, message):
        class Script:
            def __call__(self, number, context):
                pass

            def batch(self, number, batches, context):
                next(batches)
                yield answer

        with (
            scripted.serving(scripted.Scripted(Script())) as port,
            imgsvc.Client(f"127.0.0.1:{port}", retries=0) as connected,
        ):
            try:
                ((_, result),) = connected.process_many([photo])
            except ServiceError as error:
                result = error
        assert message in str(result)
