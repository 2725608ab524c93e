"""How long a request of health or reflection may be: health is for anybody, and neither counts its bytes."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from imgsvc.config import ServerConfig
from imgsvc.server.lifecycle import Server
from tests import rpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NAME = "x" * (8 << 20)


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_health(serve, method):
    server = serve("--port", "0")
    request = health_pb2.HealthCheckRequest(service=NAME)
    with rpc.channel(server) as connection:
        stub = health_pb2_grpc.HealthStub(connection)
        ask = stub.Check if method == "Check" else lambda *args, **kwargs: next(stub.Watch(*args, **kwargs))
        code, details = rpc.answer_of(lambda: ask(request, timeout=20))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert details == f"message: {request.ByteSize()} bytes, expected at most 1024"
        assert ask(health_pb2.HealthCheckRequest(), timeout=20).status == SERVING


def test_reflection(serve):
    server = serve("--port", "0")
    with rpc.channel(server) as connection:
        stub = reflection_pb2_grpc.ServerReflectionStub(connection)

        def ask(**request):
            request = reflection_pb2.ServerReflectionRequest(**request)
            return next(stub.ServerReflectionInfo(iter([request]), timeout=20))

        code, details = rpc.answer_of(lambda: ask(file_by_filename=NAME))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert details.endswith("bytes, expected at most 4096")
        assert ask(file_containing_symbol="NLImageService").file_descriptor_response
        garbled = connection.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        assert rpc.answer_of(lambda: next(garbled(iter([b"\xff"]), timeout=20))) == (
            grpc.StatusCode.INTERNAL,
            "Exception deserializing request!",
        )


def test_names_that_are_watched_in_vain_are_not_kept():
    """A server in this process, whose memory can be looked into."""
    name = "no such service " * 50
    with Server(ServerConfig(port=0)) as server, grpc.insecure_channel(server.addresses[0]) as connection:
        stub = health_pb2_grpc.HealthStub(connection)
        request = health_pb2.HealthCheckRequest(service=name)
        watch = stub.Watch(request, timeout=20)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        [(call, watcher)] = server._health._watchers.items()
        for each in call, watcher:
            kept = [
                getattr(each, slot) for kind in type(each).__mro__ for slot in getattr(kind, "__slots__", ())
            ]
            assert name not in kept
            assert request.SerializeToString() not in kept
        watch.cancel()
