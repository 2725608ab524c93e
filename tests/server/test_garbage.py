"""That calls which fail free what they held at once, and not when Python looks for circles of objects.

It does that by the number of objects, however large they are: of dozens of requests, each of many megabytes.
"""

import gc
from types import SimpleNamespace

import grpc
import numpy as np
import pytest

from imgsvc.config import ServerConfig
from imgsvc.server.lifecycle import Server
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchRequest
from imgsvc.v1.recipe_pb2 import Recipe
from tests import rpc, v1
from tests.processes import wait_for

SMALL = v1.pixels(np.zeros((8, 8, 3), np.uint8))
LONG = v1.request(
    v1.pixels(np.zeros((1500, 2000, 3), np.uint8)), text=" | ".join(["gaussian_blur sigma=10"] * 50)
)


def answer(connection, body, method=v1.PROCESS, timeout=20):
    return rpc.answer_of(lambda: connection.unary_unary(method)(body, timeout=timeout))


def wrong(connection, _server):
    crop = v1.request(SMALL, text="crop left=99 width=1 height=1")
    assert answer(connection, crop.SerializeToString())[0] is grpc.StatusCode.INVALID_ARGUMENT


def no_message(connection, _server):
    assert answer(connection, b"\xff" * 9)[0] is grpc.StatusCode.INTERNAL


def no_image(connection, _server):
    body = v1.request(v1.file(b"\xff\xd8\xff no image"), text="mean").SerializeToString()
    assert answer(connection, body)[0] is grpc.StatusCode.INVALID_ARGUMENT


def no_method(connection, _server):
    assert answer(connection, b"", "/imgsvc.v1.ImageService/Nothing")[0] is grpc.StatusCode.UNIMPLEMENTED


def late(connection, _server):
    code, _ = answer(connection, LONG.SerializeToString(), timeout=0.3)
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED


def cancelled(connection, server):
    call = connection.unary_unary(v1.PROCESS).future(LONG.SerializeToString(), timeout=20)
    wait_for(lambda: server.limiter.cores.in_use)
    call.cancel()


def without_a_body(connection, server):
    held = rpc.HeldCall(connection, v1.PROCESS)
    wait_for(lambda: len(server.bodies))
    held.cancel()
    wait_for(lambda: not len(server.bodies))


def refused(connection, server):
    held = [rpc.HeldAnswer(connection, rpc.MEAN_FILTER) for _ in range(3)]
    wait_for(lambda: server.limiter.num_calls == 3)
    assert answer(connection, b"")[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    for each in held:
        each.cancel()


def batch(*items, text="mean"):
    message = ProcessBatchRequest(recipe=Recipe(text=text), items=[BatchItem(image=each) for each in items])
    return message.SerializeToString()


def failed_items(connection, _server):
    body = batch(v1.file(b"\xff\xd8\xff no image"), SMALL, text="crop left=99 width=1 height=1")
    assert list(connection.stream_stream(v1.BATCH)(iter([body]), timeout=20))


def a_wrong_recipe(connection, _server):
    assert list(connection.stream_stream(v1.BATCH)(iter([batch(SMALL, SMALL, text="nothing")]), timeout=20))


def a_batch_that_breaks_off(connection, server):
    held = rpc.HeldCall(connection, v1.BATCH)
    call = connection.stream_stream(v1.BATCH)(iter([batch(*[SMALL] * 20)]), timeout=20)
    next(call)
    call.cancel()
    wait_for(lambda: server.limiter.num_calls == 1)
    held.cancel()


KINDS = (
    wrong, no_message, no_image, no_method, late, cancelled, without_a_body, refused, failed_items,
    a_wrong_recipe, a_batch_that_breaks_off,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_nothing_is_left_for_the_collector(kind):
    server = Server(ServerConfig(host="127.0.0.1", port=0, max_calls=4, cores=1))
    with server, rpc.channel(SimpleNamespace(target=server.addresses[0])) as connection:
        assert answer(connection, v1.request(SMALL, text="mean").SerializeToString())
        wait_for(lambda: not server.limiter.num_calls)
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                kind(connection, server)
                wait_for(lambda: not server.limiter.num_calls)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = {type(each) for each in gc.garbage}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not [each for each in left if each.__module__.startswith("imgsvc.server")]
