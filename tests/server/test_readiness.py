"""Readiness and liveness, as balancers and probes see them."""

import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from imgsvc.config import ServerConfig
from imgsvc.server.health import Health
from imgsvc.server.lifecycle import Server
from imgsvc.server.overload.saturation import Saturation
from imgsvc.server.readiness import SATURATED, SHUTTING_DOWN, STARTING, Readiness
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import rpc
from tests.processes import wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
REFUSAL = (grpc.StatusCode.UNAVAILABLE, "the server is shutting down: try again, here or elsewhere")


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
            assert next(watch).status == NOT_SERVING
            for service in ("", "NLImageService", "imgsvc.v1.ImageService"):
                assert check(other, service) == NOT_SERVING
            assert check(other, self.SERVICE) == SERVING
            assert held.answer() == held.BODY
        assert server.wait() == 0

    def test_a_watch_of_no_service_says_so_and_stays(self, serve):
        server = serve("--port", "0")
        with rpc.channel(server) as connection:
            request = health_pb2.HealthCheckRequest(service="x")
            watch = health_pb2_grpc.HealthStub(connection).Watch(request, timeout=20)
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def test_a_watch_that_ends_while_it_begins_is_forgotten(monkeypatch):
    """A server in this process, where that can be brought about."""
    watch = Health._watch
    watches = []
    begun = threading.Event()

    def late_watch(health, call, service):
        [mine] = wait_for(lambda: watches)
        mine.cancel()
        wait_for(mine.done)
        watch(health, call, service)
        begun.set()

    monkeypatch.setattr(Health, "_watch", late_watch)
    with Server(ServerConfig(port=0)) as server, grpc.insecure_channel(server.addresses[0]) as connection:
        stub = health_pb2_grpc.HealthStub(connection)
        watches.append(stub.Watch(health_pb2.HealthCheckRequest(), timeout=60))
        assert begun.wait(20)
        wait_for(lambda: not server._health._watchers, seconds=5)


def test_calls_are_taken_until_balancers_have_had_time_to_notice(serve):
    server = serve("--port", "0", "--drain-delay", "1.5")
    with rpc.channel(server) as connection:
        send = connection.unary_unary(rpc.MEAN_FILTER)
        watch = health_pb2_grpc.HealthStub(connection).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == SERVING
        server.process.terminate()
        begin = time.monotonic()
        assert next(watch).status == NOT_SERVING
        assert send(GOOD, timeout=10) == GOOD
        wait_for(lambda: rpc.answer_of(lambda: send(GOOD, timeout=10))[0] is grpc.StatusCode.UNAVAILABLE)
        assert time.monotonic() - begin >= 1.4
    assert server.wait() == 0


class TestSaturation:
    def test_a_server_that_refuses_calls_for_long_is_not_ready_until_it_does_no_more(self, serve):
        server = serve(
            *("--port", "0", "--max-calls", "1", "--unready-after", "1", "--ready-again-after", "0.5"),
            *("--trusted-proxies", "127.0.0.1,::1"),
        )
        with rpc.channel(server) as connection, rpc.channel(server) as other:
            [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
            send = other.unary_unary(rpc.MEAN_FILTER)

            def turned_away_and_not_ready():
                for client in "10.0.0.1", "10.0.0.2":
                    metadata = [("x-forwarded-for", client)]
                    refused = rpc.answer_of(lambda: send(GOOD, timeout=10, metadata=metadata))  # noqa: B023
                    assert refused[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
                return check(other) == NOT_SERVING

            wait_for(turned_away_and_not_ready)
            assert check(other, "imgsvc.liveness") == SERVING
            assert held.answer() == held.BODY
            wait_for(lambda: check(other) == SERVING)
            assert send(GOOD, timeout=10) == GOOD
        assert "not ready: saturated" in server.log

    @pytest.mark.parametrize("seconds", ["0", "0.5"])
    def test_it_can_be_switched_off_and_one_caller_never_brings_it_about(self, serve, seconds):
        server = serve("--port", "0", "--max-calls", "1", "--unready-after", seconds)
        with rpc.channel(server) as connection, rpc.channel(server) as other:
            [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
            send = other.unary_unary(rpc.MEAN_FILTER)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert rpc.answer_of(lambda: send(GOOD, timeout=10))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
                assert check(other) == SERVING
            held.cancel()

    @pytest.fixture
    def readiness(self):
        readiness = Readiness()
        readiness.rise(STARTING)
        return readiness

    @pytest.fixture
    def saturation(self, readiness):
        saturation = Saturation(readiness, 2, 3)
        saturation.close()  # it is told the time here
        return saturation

    def test_a_refusal_now_and_then_is_none(self, readiness, saturation):
        for second in range(10):
            saturation.look(second, [(100, 10)])
        assert readiness()

    def test_one_caller_of_several_who_sends_too_much_is_none(self, readiness, saturation):
        for second in range(10):
            saturation.look(second, [(1000, 900), (10, 0)])
        assert readiness()
        for second in range(10, 13):
            saturation.look(second, [(1000, 900), (10, 5), (10, 0)])
        assert not readiness()

    def test_one_caller_alone_is_none(self, readiness, saturation):
        for second in range(10):
            saturation.look(second, [(1000, 1000)])
        assert readiness()

    def test_a_pause_starts_it_anew(self, readiness, saturation):
        for second, refused in enumerate([50, 50, 0, 50, 50]):
            saturation.look(second, [(100, refused)] * 2)
        assert readiness()
        saturation.look(5, [(100, 50)] * 2)
        assert not readiness()
        assert readiness.reasons == (SATURATED,)

    def test_it_takes_quiet_seconds_to_be_ready_again(self, readiness, saturation):
        for second in range(3):
            saturation.look(second, [(100, 50)] * 2)
        for second, refused in enumerate([0, 0, 0, 1, 0, 0, 0], 3):
            saturation.look(second, [(100, refused)] * 2)
        assert not readiness()
        saturation.look(10, [(0, 0)])
        assert readiness()


def test_all_reasons_have_to_go(caplog):
    told = []
    readiness = Readiness()
    readiness.listen(lambda: told.append(readiness()))
    assert readiness.reasons == (STARTING,)
    readiness.rise(STARTING)
    readiness.fall(SATURATED)
    readiness.fall(SHUTTING_DOWN)
    readiness.rise(SATURATED)
    assert told == [True, False]
    assert readiness.reasons == (SHUTTING_DOWN,)
