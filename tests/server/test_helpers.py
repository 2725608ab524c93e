"""Calls that take long in a decoder or an encoder: they end with whoever waits for them."""

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.codec import EncodeOptions
from imgsvc.errors import ServiceTimeoutError
from imgsvc.v1.image_service_pb2 import DescribeRequest
from tests import v1
from tests.processes import helper_programs, wait_for

NOISE = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
ENDLESS = imgsvc.Output("webp", lossless=True, effort=9)


@pytest.fixture
def server(serve):
    return serve("--port", "0", "--cores", "2")


def process(server, timeout):
    with imgsvc.Client(server.target, retries=0) as client:
        return client.process(NOISE, "invert", output=ENDLESS, timeout=timeout)


def test_at_the_deadline_the_core_is_free(server):
    with pytest.raises(ServiceTimeoutError):
        process(server, 2.0)
    wait_for(lambda: not helper_programs(server.process.pid))
    with imgsvc.Client(server.target) as client:
        np.testing.assert_array_equal(client.process(NOISE[:500], "invert").array, 255 - NOISE[:500])


def test_what_takes_long_and_ends_is_as_elsewhere(server):
    """As of the same image in this process."""
    output = imgsvc.Output("avif", effort=6)
    with imgsvc.Client(server.target) as client:
        result = client.process(NOISE[:600, :800], "invert", output=output, timeout=60)
    wait_for(lambda: helper_programs(server.process.pid))
    expected = imgsvc.codec.encode(255 - NOISE[:600, :800], "avif", output.options)
    assert result.data == expected


@pytest.fixture(scope="module")
def slow():
    """A file that takes long to decode."""
    return imgsvc.codec.encode(np.tile(NOISE, (2, 2, 1)), "webp", EncodeOptions(effort=0))


def test_what_takes_long_to_describe_is_decoded_by_a_helper(server, slow):
    with imgsvc.Client(server.target) as client:
        described = client.describe(slow)
    wait_for(lambda: helper_programs(server.process.pid))
    assert described == imgsvc.describe(slow)


def test_a_description_ends_with_its_call(server, slow):
    body = DescribeRequest(image=v1.file(slow)).SerializeToString()
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(server.target, options=options) as connection:
        call = connection.unary_unary(v1.DESCRIBE).future(body)
        wait_for(lambda: helper_programs(server.process.pid))
        call.cancel()
        wait_for(lambda: not helper_programs(server.process.pid))
    with imgsvc.Client(server.target) as client:
        assert client.describe(NOISE[:50]) == imgsvc.describe(NOISE[:50])
