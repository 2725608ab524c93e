"""What a failed call's trailing metadata says, beside the status and its text."""

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

import imgsvc
from imgsvc.errors import InvalidParameterError, OverloadedError, RequestRefusedError, ServiceUnavailableError
from imgsvc.server.error_details import error_metadata
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from imgsvc.v1.image_service_pb2 import ProcessRequest
from tests import rpc, v1

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
CLIENTS_METADATA_LIMIT = 8192


def failure_of(connection, method, body):
    with pytest.raises(grpc.RpcError) as raised:
        connection.unary_unary(method)(body, timeout=10)
    return raised.value


def richer(error):
    """Return the richer status in a failure, which must say what the status says, and its one detail."""
    [value] = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    status = Status.FromString(value)
    assert (status.code, status.message) == (error.code().value[0], error.details())
    [detail] = status.details
    return detail


def violation(detail):
    request = BadRequest()
    assert detail.Unpack(request)
    [found] = request.field_violations
    return found.field, found.description


@pytest.mark.parametrize(
    ("method", "body", "field", "description"),
    [
        (rpc.MEAN_FILTER, NLImage(width=-5).SerializeToString(), "width", "-5, expected at least 1"),
        (
            v1.PROCESS,
            ProcessRequest().SerializeToString(),
            "image",
            "without a source that this server knows, expected pixels or encoded",
        ),
    ],
)
def test_bad_input_is_told_with_its_field(server, method, body, field, description):
    with rpc.channel(server) as connection:
        error = failure_of(connection, method, body)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation(richer(error)) == (field, description)


def test_load_is_told_with_the_time_to_try_again(serve):
    server = serve("--port", "0", "--max-calls", "1")
    with rpc.channel(server) as connection:
        [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
        error = failure_of(connection, rpc.MEAN_FILTER, GOOD)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info = RetryInfo()
        assert richer(error).Unpack(info)
        milliseconds = info.retry_delay.ToMilliseconds()
        assert 0 < milliseconds <= 30_000
        assert ("grpc-retry-pushback-ms", str(milliseconds)) in error.trailing_metadata()
        with imgsvc.Client(server.target) as client, pytest.raises(ServiceUnavailableError) as raised:
            client.server_info()
        assert 0 < raised.value.retry_after <= 30
        held.cancel()


def test_the_client_knows_the_field(server):
    with imgsvc.Client(server.target) as client, pytest.raises(RequestRefusedError) as raised:
        client.process(b"no image")
    assert raised.value.field == "image"


def test_other_failures_have_no_details(server):
    with rpc.channel(server) as connection:
        for method, body in ((rpc.MEAN_FILTER, b"\xff"), ("/No/Such", b"")):
            keys = {key for key, _ in failure_of(connection, method, body).trailing_metadata()}
            assert "grpc-status-details-bin" not in keys


def test_what_is_too_long_is_cut_so_that_clients_take_it():
    long = "é" * 5000
    error = InvalidParameterError(long, long, long)
    code = grpc.StatusCode.INVALID_ARGUMENT
    [(key, value)] = error_metadata(code, str(error)[:512], error)
    encoded = len(key) + 4 / 3 * len(value) + 3 * 1024
    assert encoded < CLIENTS_METADATA_LIMIT - 1024


def test_no_time_is_less_than_a_millisecond():
    error = OverloadedError("calls in flight", 2, 1, retry_after=0.0)
    metadata = dict(error_metadata(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), error))
    assert metadata["grpc-retry-pushback-ms"] == "1"
