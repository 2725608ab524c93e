"""`ImageService.ProcessBatch` against the installed server."""

import queue
import signal
import threading
import time

import grpc
import numpy as np
import pytest

from imgsvc.config import ServerConfig
from imgsvc.server.lifecycle import Server
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchRequest, ProcessBatchResponse
from imgsvc.v1.operations_pb2 import Operation
from imgsvc.v1.recipe_pb2 import Recipe
from tests import processes, reference, rpc, v1

FLIP = Recipe(operations=[Operation(flip={"axis": 0})])
MEAN = Recipe(operations=[Operation(mean_filter={})])


def message(items, recipe=None):
    batch = ProcessBatchRequest(
        recipe=recipe, items=[BatchItem(id=name, image=v1.pixels(image)) for name, image in items]
    )
    return batch.SerializeToString()


def results(answers):
    """Return what comes, by id, each once."""
    found = {}
    for answer in answers:
        for result in ProcessBatchResponse.FromString(answer).results:
            assert result.id not in found
            found[result.id] = result
    return found


def array(result):
    return v1.array(result.response.results[0].image)


class Stream:
    """A stream whose client sends when it is told to."""

    def __init__(self, connection, timeout=60):
        self._messages = queue.SimpleQueue()
        self.taken = 0
        self.call = connection.stream_stream(v1.BATCH)(self._sent(), timeout=timeout)

    def _sent(self):
        while (body := self._messages.get()) is not None:
            self.taken += 1
            yield body

    def send(self, *bodies):
        for body in bodies:
            self._messages.put(body)

    def half_close(self):
        self._messages.put(None)


@pytest.fixture
def connection(server):
    with rpc.channel(server) as connection:
        yield connection


def test_every_item_gets_its_own_result(connection, rng):
    images = {str(i): rng.integers(0, 256, (10 + i % 7, 20, 3), dtype=np.uint8) for i in range(300)}
    items = list(images.items())
    stream = Stream(connection)
    stream.send(*(message(items[at : at + 7], MEAN if at == 0 else None) for at in range(0, 300, 7)))
    stream.half_close()
    found = results(stream.call)
    assert found.keys() == images.keys()
    for name, image in items:
        np.testing.assert_array_equal(array(found[name]), reference.mean_filter(image))


def test_results_come_before_the_stream_is_closed(connection, photo):
    stream = Stream(connection)
    for i in range(3):
        stream.send(message([(str(i), photo)], FLIP))
        assert results([next(stream.call)]).keys() == {str(i)}
    stream.half_close()
    assert list(stream.call) == []
    assert stream.call.code() is grpc.StatusCode.OK


def test_a_recipe_holds_until_the_next_one(connection, photo):
    own = ProcessBatchRequest(items=[BatchItem(id="own", image=v1.pixels(photo), recipe=MEAN)])
    stream = Stream(connection)
    stream.send(
        message([("none", photo)]),
        message([("flip", photo)], FLIP),
        own.SerializeToString(),
        message([("still", photo)]),
        message([("mean", photo)], MEAN),
    )
    stream.half_close()
    found = results(stream.call)
    mean = reference.mean_filter(photo)
    for name, expected in (
        ("none", photo), ("flip", photo[::-1]), ("own", mean), ("still", photo[::-1]), ("mean", mean)
    ):  # fmt: skip
        np.testing.assert_array_equal(array(found[name]), expected)


def test_one_bad_item_is_one_bad_result(connection, photo):
    bad = [
        BatchItem(id="no image"),
        BatchItem(id="no file", image=v1.file(b"?")),
        BatchItem(id="no recipe", image=v1.pixels(photo), recipe=Recipe(text="nonsense")),
        BatchItem(id="x" * 300, image=v1.pixels(photo)),
    ]
    batch = ProcessBatchRequest(recipe=FLIP, items=[*bad, BatchItem(id="good", image=v1.pixels(photo))])
    stream = Stream(connection)
    stream.send(batch.SerializeToString(), message([("later", photo)]))
    stream.half_close()
    found = results(stream.call)
    assert {name for name, result in found.items() if result.WhichOneof("result") == "response"} == {
        "good",
        "later",
    }
    status = found["no image"].status
    assert (status.code, status.field) == (grpc.StatusCode.INVALID_ARGUMENT.value[0], "image")
    assert status.message == "image: without a source that this server knows, expected pixels or encoded"
    assert found["x" * 256].status.message == "id: 300 characters, expected at most 256"
    assert "nonsense" in found["no recipe"].status.message


def test_a_bad_recipe_fails_its_items_and_no_others(connection, photo):
    stream = Stream(connection)
    stream.send(message([("a", photo)], Recipe(text="nonsense")), message([("b", photo)], FLIP))
    stream.half_close()
    found = results(stream.call)
    assert found["a"].status.field.startswith("recipe.text")
    assert found["b"].WhichOneof("result") == "response"


def test_no_items_no_results(connection):
    stream = Stream(connection)
    stream.send(b"", message([]))
    stream.half_close()
    assert list(stream.call) == []


def test_bytes_that_are_no_message_end_the_stream(connection, photo):
    stream = Stream(connection)
    stream.send(b"\xff\xff\xff")
    with pytest.raises(grpc.RpcError) as raised:
        list(stream.call)
    assert raised.value.code() is grpc.StatusCode.INTERNAL


def test_further_streams_are_refused_and_places_come_back(serve, photo):
    server = serve("--port", "0", "--max-streams", "2")
    with rpc.channel(server) as connection:
        streams = [Stream(connection) for _ in range(2)]
        for stream in streams:
            stream.send(message([("a", photo)], FLIP))
            next(stream.call)
        third = Stream(connection)
        with pytest.raises(grpc.RpcError) as raised:
            next(third.call)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert raised.value.details() == (
            "the server is busy: batch streams would be 3, the limit is 2; try again later"
        )
        streams[0].call.cancel()
        streams[1].half_close()
        assert list(streams[1].call) == []

        def there_is_a_place():
            again = Stream(connection)
            again.send(message([("a", photo)], FLIP))
            try:
                return results([next(again.call)])
            except grpc.RpcError:
                return None

        processes.wait_for(there_is_a_place)


def test_a_stream_that_begins_while_the_server_drains_ends_at_once():
    """It was let in before, and waited for its thread."""
    with (
        Server(ServerConfig(host="127.0.0.1", port=0)) as server,
        grpc.insecure_channel(server.addresses[0]) as connection,
    ):
        server._batches.drain()
        stream = Stream(connection, timeout=5)
        with pytest.raises(grpc.RpcError) as raised:
            list(stream.call)
        assert (raised.value.code(), raised.value.details()) == (
            grpc.StatusCode.UNAVAILABLE,
            "the server is shutting down: try again, here or elsewhere",
        )
        stream.half_close()


def test_a_stream_that_is_gone_before_its_message_is_looked_at_holds_nothing(photo):
    with (
        Server(ServerConfig(host="127.0.0.1", port=0)) as server,
        grpc.insecure_channel(server.addresses[0]) as connection,
    ):
        workers, go = server._batches.workers, threading.Event()
        for _ in workers._workers:
            workers.submit(go.wait, 30)
        stream = Stream(connection)
        stream.send(message([("late", photo)], FLIP))
        processes.wait_for(lambda: workers._backlog)
        stream.call.cancel()
        processes.wait_for(lambda: not server._batches._streams)
        go.set()
        processes.wait_for(lambda: len(workers._idle) == len(workers._workers))
        processes.wait_for(lambda: not server.limiter.num_calls)
        assert server.limiter.num_bytes == 0
        stream.half_close()


def test_a_client_that_reads_nothing_is_not_read_either(serve, rng):
    noise = rng.integers(0, 256, (1000, 1000), dtype=np.uint8)
    server = serve("--port", "0", "--cores", "2")
    with rpc.channel(server) as connection:
        stream = Stream(connection)
        stream.send(*(message([(str(i), noise)], FLIP) for i in range(200)))
        stream.half_close()
        taken = -1
        while stream.taken != taken:  # until nothing moves
            taken = stream.taken
            time.sleep(0.5)
        assert taken < 120  # gRPC reads some 8 MB ahead on each side
        assert len(results(stream.call)) == 200


def test_a_silent_stream_is_ended(serve, photo):
    server = serve("--port", "0", "--body-timeout", "0.5")
    with rpc.channel(server) as connection:
        stream = Stream(connection)
        stream.send(message([("a", photo)], FLIP))
        assert results([next(stream.call)]).keys() == {"a"}
        with pytest.raises(grpc.RpcError) as raised:
            next(stream.call)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert raised.value.details() == "stream: nothing came for 0.5 s"


def test_a_cancelled_stream_gives_back_what_it_held(serve, rng):
    noise = rng.integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    blur = Recipe(operations=[Operation(gaussian_blur={"sigma": 40})])
    server = serve("--port", "0", "--max-message-bytes", "16MiB", "--max-bytes-in-flight", "64MiB")
    with rpc.channel(server) as connection:
        for _ in range(5):
            stream = Stream(connection)
            stream.send(*(message([(str(i), noise)], blur) for i in range(8)))
            next(stream.call)
            stream.call.cancel()
        last = Stream(connection)
        last.send(*(message([(str(i), noise)], FLIP) for i in range(8)))
        last.half_close()
        assert len(results(last.call)) == 8


def test_at_the_end_of_the_server_what_was_read_is_answered(serve, photo):
    server = serve("--port", "0")
    with rpc.channel(server) as connection:
        stream = Stream(connection)
        stream.send(*(message([(str(i), photo)], FLIP) for i in range(20)))
        found = {}
        while len(found) < 20:
            found |= results([next(stream.call)])
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as raised:
            next(stream.call)
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert server.wait() == 0
