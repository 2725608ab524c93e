"""NLImageService as its existing clients know it, against the installed server."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest
from imgsvc.stubs.nl_image_service_pb2_grpc import NLImageServiceStub
from tests import processes, reference, rpc

INT32_MAX = 2**31 - 1


def pixels(message):
    shape = (message.height, message.width, 3) if message.color else (message.height, message.width)
    return np.frombuffer(message.data, np.uint8).reshape(shape)


@pytest.fixture
def stub(server):
    with rpc.channel(server) as connection:
        yield NLImageServiceStub(connection)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (97, 64), (1, 1, 3), (97, 64, 3)], ids=str)
class TestAnswers:
    def test_mean_filter(self, stub, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        answer = stub.MeanFilter(rpc.image_message(image))
        np.testing.assert_array_equal(pixels(answer), reference.mean_filter(image))

    @pytest.mark.parametrize("rotation", NLImageRotateRequest.Rotation.keys())
    def test_rotate_image(self, stub, rng, shape, rotation):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        answer = stub.RotateImage(NLImageRotateRequest(rotation=rotation, image=rpc.image_message(image)))
        turns = NLImageRotateRequest.Rotation.Value(rotation)
        np.testing.assert_array_equal(pixels(answer), reference.rotate90(image, turns))


def test_the_golden_vector_of_the_contract(stub):
    image = NLImage(width=3, height=3, data=bytes([13, 14, 15, 11, 12, 13, 7, 8, 9]))
    assert list(stub.MeanFilter(image).data) == [12, 13, 13, 10, 11, 11, 9, 10, 10]


def test_concurrent_calls_equal_serial_ones(server, rng):
    images = [rng.integers(0, 256, (80 + 37 * i, 500 - 20 * i, 3), dtype=np.uint8) for i in range(12)]
    expected = [imgsvc.rotate90(imgsvc.mean_filter(image), i) for i, image in enumerate(images)]
    with imgsvc.Client(server.target) as client, ThreadPoolExecutor(8) as pool:

        def both(i):
            return client.rotate90(client.mean_filter(images[i]), i)

        for _ in range(4):
            for result, right in zip(pool.map(both, range(len(images))), expected, strict=True):
                np.testing.assert_array_equal(result, right)


# Field, value and what was expected, for each method: MeanFilter takes the image itself.
BAD_IMAGES = [
    (NLImage(), "width: 0, expected at least 1"),
    (NLImage(width=0, height=2, data=b"1234"), "width: 0, expected at least 1"),
    (NLImage(width=2, height=0, data=b"1234"), "height: 0, expected at least 1"),
    (NLImage(width=-1, height=2, data=b"1234"), "width: -1, expected at least 1"),
    (NLImage(width=-2, height=-2, data=b"1234"), "width: -2, expected at least 1"),
    (
        NLImage(width=2, height=2, data=b"123"),
        "data: 3 bytes, expected 4 bytes: width 2 x height 2 x 1 channel",
    ),
    (
        NLImage(width=2, height=2, data=b"12345"),
        "data: 5 bytes, expected 4 bytes: width 2 x height 2 x 1 channel",
    ),
    (
        NLImage(width=2, height=2, color=True, data=b"1234"),
        "data: 4 bytes, expected 12 bytes: width 2 x height 2 x 3",
    ),
    (NLImage(width=2**16, height=2**16), "data: 0 bytes, expected 4294967296 bytes"),
    (NLImage(width=INT32_MAX, height=INT32_MAX), f"data: 0 bytes, expected {INT32_MAX**2} bytes"),
    (
        NLImage(width=INT32_MAX, height=INT32_MAX, color=True),
        f"data: 0 bytes, expected {3 * INT32_MAX**2} bytes",
    ),
]
BAD_REQUESTS = [
    *((rpc.MEAN_FILTER, message, text) for message, text in BAD_IMAGES),
    *(
        (rpc.ROTATE_IMAGE, NLImageRotateRequest(image=message), "image." + text)
        for message, text in BAD_IMAGES
    ),
    (rpc.ROTATE_IMAGE, NLImageRotateRequest(rotation="NINETY_DEG"), "image: missing, expected an NLImage"),
    (rpc.ROTATE_IMAGE, NLImageRotateRequest(), "image: missing, expected an NLImage"),
    (
        rpc.ROTATE_IMAGE,
        NLImageRotateRequest(rotation=9),
        "rotation: 9, expected one of NONE (0), NINETY_DEG (1)",
    ),
    (rpc.ROTATE_IMAGE, NLImageRotateRequest(rotation=-1), "rotation: -1, expected one of NONE (0)"),
]
GOOD = NLImage(width=1, height=1, data=b"x")


@pytest.mark.parametrize(("method", "message", "text"), BAD_REQUESTS)
class TestBadInput:
    def test_invalid_argument_names_field_value_and_limit(self, server, method, message, text):
        code, details = rpc.call(server, method, message.SerializeToString())
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert details.startswith(text)
        assert rpc.call(server, rpc.MEAN_FILTER, GOOD.SerializeToString()) == GOOD.SerializeToString()

    def test_a_null_image_where_asked_for(self, null_image_server, method, message, text):
        answer = NLImage.FromString(rpc.call(null_image_server, method, message.SerializeToString()))
        assert (answer.width, answer.height) == (0, 0)
        assert answer.data.decode().startswith(text)


@pytest.fixture(scope="module")
def null_image_server():
    with processes.serving("--port", "0", "--null-image-errors") as running:
        yield running


@pytest.mark.parametrize("method", [rpc.MEAN_FILTER, rpc.ROTATE_IMAGE])
@pytest.mark.parametrize("body", [b"\xff", b"\x12\x05ab", b"\x0b\x0b\x0b", b"not protobuf at all"])
def test_bytes_that_are_no_message_get_grpc_s_status(server, null_image_server, method, body):
    expected = (grpc.StatusCode.INTERNAL, "Exception deserializing request!")
    assert rpc.call(server, method, body) == expected
    assert rpc.call(null_image_server, method, body) == expected


@pytest.mark.parametrize("method", ["/NLImageService/Sharpen", "/Other/MeanFilter", "/nonsense", "/a/b/c"])
def test_other_methods_get_grpc_s_status(server, method):
    assert rpc.call(server, method, b"") == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


def test_a_call_without_a_message_gets_grpc_s_status(server):
    with rpc.channel(server) as connection:
        code, details = rpc.answer_of(lambda: connection.stream_unary(rpc.MEAN_FILTER)(iter(()), timeout=30))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert details == '"/NLImageService/MeanFilter" requires exactly one request message.'


@pytest.mark.parametrize("second", [GOOD.SerializeToString(), b"", b"\xff", bytes(1 << 20)], ids=len)
def test_of_several_messages_the_first_counts_as_in_grpc_s_unary_methods(server, second):
    with rpc.channel(server) as connection:
        messages = iter((GOOD.SerializeToString(), second))
        answer = connection.stream_unary(rpc.MEAN_FILTER)(messages, timeout=30)
    assert answer == GOOD.SerializeToString()


def test_unknown_fields_are_ignored(server):
    body = GOOD.SerializeToString() + b"\xa2\x06\x03abc"
    assert rpc.call(server, rpc.MEAN_FILTER, body) == GOOD.SerializeToString()


@pytest.mark.parametrize("shape", [(50, 60), (700, 900, 3)])
def test_compressed_requests(server, rng, shape):
    image = rng.integers(0, 4, shape, dtype=np.uint8)
    with grpc.insecure_channel(server.target, compression=grpc.Compression.Gzip) as connection:
        answer = NLImageServiceStub(connection).MeanFilter(rpc.image_message(image))
    np.testing.assert_array_equal(pixels(answer), reference.mean_filter(image))


def test_algorithms_that_are_not_there(server):
    with grpc.insecure_channel(server.target, compression=grpc.Compression.Deflate) as connection:
        code, details = rpc.answer_of(lambda: NLImageServiceStub(connection).MeanFilter(GOOD))
    assert (code, details) == (grpc.StatusCode.UNIMPLEMENTED, "Compression algorithm 'deflate' is disabled.")
