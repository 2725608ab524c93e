"""Readiness and liveness, as balancers and probes see them."""

from grpc_health.v1 import health_pb2, health_pb2_grpc

from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import rpc

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
SERVING = health_pb2.HealthCheckResponse.SERVING


def check(connection, service=""):
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(connection).Check(request, timeout=10).status


class TestLiveness:
    SERVICE = "imgsvc.liveness"

    def test_it_stays_to_the_end(self, serve):
        server = serve("--port", "0", "--max-calls", "1")
        with rpc.channel(server) as connection, rpc.channel(server) as other:
            assert check(other, self.SERVICE) == SERVING
            watch = health_pb2_grpc.HealthStub(other).Watch(health_pb2.HealthCheckRequest(), timeout=60)
            assert next(watch).status == SERVING
            [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
            server.process.terminate()
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
            for service in ("", "NLImageService", "imgsvc.v1.ImageService"):
                assert check(other, service) == health_pb2.HealthCheckResponse.NOT_SERVING
            assert check(other, self.SERVICE) == SERVING
            held.send(GOOD)
            assert held.answer() == GOOD
        assert server.wait() == 0

    def test_a_watch_of_no_service_says_so_and_stays(self, serve):
        server = serve("--port", "0")
        with rpc.channel(server) as connection:
            request = health_pb2.HealthCheckRequest(service="x")
            watch = health_pb2_grpc.HealthStub(connection).Watch(request, timeout=20)
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
