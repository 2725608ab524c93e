"""The contract over `grpc.server`, as where grpcio has no completion queue for us."""

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import imgsvc
from imgsvc.errors import RequestRefusedError
from tests import reference, rpc
from tests.processes import run, serving
from tests.server.test_contract import *  # noqa: F403 - all of its tests, with the server below


@pytest.fixture(scope="module")
def server():
    with serving("--port", "0", IMGSVC_TRANSPORT="plain") as running:
        yield running


def test_it_says_so_where_grpcio_lacks_something(monkeypatch, caplog):
    import builtins  # noqa: PLC0415

    from imgsvc.server.plain_transport import PlainTransport  # noqa: PLC0415
    from imgsvc.server.transports import transport_class  # noqa: PLC0415

    load = builtins.__import__

    def fail(name, *arguments):
        if name == "imgsvc.server.transport":
            raise ImportError("this grpcio has no Server")
        return load(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", fail)
    assert transport_class() is PlainTransport
    assert "this grpcio has no Server: calls are served by grpc.server" in caplog.text


def test_the_client_s_doctor_says_so(server):
    done = run("imgsvc-client", "doctor", "--port", server.port)
    assert done.returncode == 0
    assert "warning  its transport: grpc.server, of grpcio " in done.stdout


def test_v1_batches_health_and_reflection(server, rng):
    image = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    with imgsvc.Client(server.target) as client, grpc.insecure_channel(server.target) as connection:
        results = dict(client.process_many([image] * 20, "mean"))
        expected = reference.mean_filter_large(image)
        assert all(np.array_equal(result.array, expected) for result in results.values())
        with pytest.raises(RequestRefusedError):
            client.process(image, "crop left=999 top=0 width=1 height=1")
        stub = health_pb2_grpc.HealthStub(connection)
        assert next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=20)).status == 1
        assert "NLImageService" in ProtoReflectionDescriptorDatabase(connection).get_services()
        assert rpc.call(server, "/no/such", b"")[0] is grpc.StatusCode.UNIMPLEMENTED
