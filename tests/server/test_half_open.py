"""A thousand calls that send their headers and no body: others are answered meanwhile, and afterwards."""

import contextlib
import re
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import http2, processes, rpc, v1
from tests.processes import wait_for
from tests.slow_network import slow_network

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
SERVING = health_pb2.HealthCheckResponse.SERVING
CONNECTIONS, STREAMS = 5, 200
MEGABYTES = 64
HEALTH_SECONDS = 2

METHODS = [
    rpc.MEAN_FILTER,
    v1.BATCH,
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/no/such",
]


def usage(server):
    """Return the resident megabytes and the threads of a server."""
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1024, int(re.search(r"Threads:\s*(\d+)", status)[1])


def check(connection):
    request = health_pb2.HealthCheckRequest()
    return health_pb2_grpc.HealthStub(connection).Check(request, timeout=HEALTH_SECONDS).status


def watched(connection):
    request = health_pb2.HealthCheckRequest()
    watch = health_pb2_grpc.HealthStub(connection).Watch(request, timeout=HEALTH_SECONDS)
    status = next(watch).status
    watch.cancel()
    return status


@pytest.fixture(scope="module")
def half_open_server():
    with processes.serving("--host", "127.0.0.1", "--port", "0", "--body-timeout", "5") as running:
        yield running


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux counts a process's threads")
@pytest.mark.parametrize("method", METHODS)
def test_a_thousand_half_open_streams(half_open_server, method):
    server = half_open_server
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(rpc.channel(server))
        assert check(other) == SERVING
        megabytes, threads = usage(server)
        peers = [stack.enter_context(http2.Peer(server)) for _ in range(CONNECTIONS)]
        for number in range(STREAMS):
            for peer in peers:
                peer.send(http2.headers(method, 2 * number + 1))
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            assert check(other) == SERVING
        assert watched(other) == SERVING
        more_megabytes, more_threads = usage(server)
        assert more_megabytes < megabytes + MEGABYTES
        assert more_threads <= threads + 16  # of gRPC's own
    with rpc.channel(server) as connection:
        send = connection.unary_unary(rpc.MEAN_FILTER)
        wait_for(lambda: rpc.answer_of(lambda: send(GOOD, timeout=10)) == GOOD)


def test_a_stream_of_reflection_gives_way_to_later_ones(serve):
    server = serve("--host", "127.0.0.1", "--port", "0")
    method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    with rpc.channel(server) as busy, rpc.channel(server) as other:
        held = [rpc.HeldCall(busy, method) for _ in range(40)]
        assert "NLImageService" in ProtoReflectionDescriptorDatabase(other).get_services()
        for call in held:
            call.cancel()


def test_one_that_gives_way_is_told_so(serve):
    server = serve("--host", "127.0.0.1", "--port", "0")
    with rpc.channel(server) as greedy, rpc.channel(server) as modest:
        held = [rpc.HeldCall(greedy, rpc.MEAN_FILTER) for _ in range(380)]
        kept = rpc.HeldCall(modest, rpc.MEAN_FILTER)
        first = wait_for(lambda: [call for call in held if call.ended])
        code, details = first[0].answer()
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert re.search(r"busy: requests that have not arrived would be \d+, the limit is 256; try", details)
        kept.send(GOOD)
        assert kept.answer() == GOOD
        for call in held:
            call.cancel()


@pytest.mark.parametrize("connections", [2, 50])
def test_a_slow_upload_keeps_its_place_beside_bodies_that_never_come(serve, connections):
    """These are more than are read at a time, and give way to each other."""
    server = serve("--host", "127.0.0.1", "--port", "0", "--log-level", "error")
    image = NLImage(width=2000, height=1500, data=bytes(3_000_000)).SerializeToString()
    unlimited = ("grpc.max_receive_message_length", -1)
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(slow_network(server, 1_000_000))
        connection = stack.enter_context(rpc.channel(network, unlimited))
        other = stack.enter_context(rpc.channel(server))
        upload = connection.unary_unary(rpc.MEAN_FILTER).future(image, timeout=30)
        peers = [stack.enter_context(http2.Peer(server)) for _ in range(connections)]
        for number in range(300):
            for peer in peers:
                peer.send(http2.headers(rpc.MEAN_FILTER, 2 * number + 1))
        while not upload.done():
            assert rpc.call(server, rpc.MEAN_FILTER, GOOD, timeout=5) == GOOD
            assert check(other) == SERVING
        assert rpc.answer_of(upload.result) == image


def test_watchers_that_read_nothing_do_not_hold_up_those_that_do(serve):
    server = serve("--host", "127.0.0.1", "--port", "0", "--max-calls", "1")
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stingy = stack.enter_context(http2.Peer(server, http2.no_window()))
            stingy.send(http2.headers("/grpc.health.v1.Health/Watch", 1), http2.message(b"", 1))
        other = stack.enter_context(rpc.channel(server))
        assert watched(other) == SERVING


def test_watches_without_a_window_hold_up_neither_checks_nor_other_watches(serve):
    """Each would hold its thread until the timer ends it, a second later: that many take a minute."""
    server = serve("--host", "127.0.0.1", "--port", "0", "--log-level", "error")
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(rpc.channel(server))
        for _ in range(5):
            stingy = stack.enter_context(http2.Peer(server, http2.no_window()))
            for stream in range(1, 400, 2):
                stingy.send(http2.headers("/grpc.health.v1.Health/Watch", stream), http2.message(b"", stream))
            assert check(other) == SERVING
            assert watched(other) == SERVING


def test_many_watches_of_one_client_at_once(serve):
    server = serve("--host", "127.0.0.1", "--port", "0")
    with rpc.channel(server) as connection:
        stub = health_pb2_grpc.HealthStub(connection)
        watches = [stub.Watch(health_pb2.HealthCheckRequest(), timeout=20) for _ in range(100)]
        assert [next(watch).status for watch in watches] == [SERVING] * 100
        for watch in watches:
            watch.cancel()
