"""Which connections the installed server keeps, seen from a client that speaks HTTP/2 by hand."""

import contextlib
import logging
import queue
import re
import resource
import socket
import time
from pathlib import Path

import grpc
import pytest

from imgsvc.server.listening.connections import MAX_STREAMS
from imgsvc.server.listening.descriptors import BESIDE_CONNECTIONS, provide_descriptors
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import http2, rpc
from tests.processes import wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()


def serve_ipv4(serve, *options):
    return serve("--host", "127.0.0.1", "--port", "0", *options)


def answers(server):
    return rpc.call(server, rpc.MEAN_FILTER, GOOD) == GOOD


def test_connections_beyond_the_limit_are_closed_before_they_say_anything(serve):
    server = serve_ipv4(serve, "--max-connections", "3")
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            peer = stack.enter_context(http2.Peer(server))
            peer.wait_for(http2.SETTINGS)
        further = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        further.settimeout(20)
        assert further.recv(1) == b""
        with grpc.insecure_channel(server.target) as connection:
            code, details = rpc.answer_of(lambda: connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=20))
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "Socket closed" in details
    wait_for(lambda: answers(server))


def test_a_connection_that_says_nothing_is_closed(serve):
    server = serve_ipv4(serve, "--handshake-timeout", "0.3")
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.settimeout(20)
        while silent.recv(1 << 16):
            pass
    assert answers(server)


def test_a_client_that_pings_too_often_is_disconnected(serve):
    server = serve_ipv4(serve)
    with http2.Peer(server) as peer:
        with contextlib.suppress(ConnectionError):
            for _ in range(10):
                peer.send(http2.frame(http2.PING, payload=bytes(8)))
                time.sleep(0.01)
        assert peer.goaway() == (http2.TOO_MANY_PINGS, "too_many_pings")
    assert answers(server)


def test_a_client_may_ping_as_often_as_the_server_says(serve):
    server = serve_ipv4(serve, "--min-ping-interval", "0.001")
    with http2.Peer(server) as peer:
        for _ in range(10):
            peer.send(http2.frame(http2.PING, payload=bytes(8)))
            assert peer.wait_for(http2.PING)[1] == http2.ACK
            time.sleep(0.01)


def test_a_client_that_is_gone_is_found(serve):
    server = serve_ipv4(serve, "--keepalive-time", "0.5", "--keepalive-timeout", "0.5")
    with http2.Peer(server) as dead, http2.Peer(server) as alive:
        for peer in (dead, alive):
            peer.send(http2.frame(http2.SETTINGS, http2.ACK))
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            kind, flags, _, payload = alive.receive()
            if kind == http2.PING and not flags & http2.ACK:
                alive.send(http2.frame(http2.PING, http2.ACK, payload=payload))
        assert dead.goaway()[1] == "ping_timeout"


def test_an_idle_connection_is_closed(serve):
    server = serve_ipv4(serve, "--max-connection-idle", "0.3")
    with http2.Peer(server) as peer:
        assert peer.goaway()[1] == "connection idle"
    with rpc.channel(server) as connection:
        states: queue.SimpleQueue[grpc.ChannelConnectivity] = queue.SimpleQueue()
        connection.subscribe(states.put)
        call = connection.unary_unary(rpc.MEAN_FILTER)
        assert call(GOOD, timeout=10) == GOOD
        while states.get(timeout=20) is not grpc.ChannelConnectivity.READY:
            pass
        while states.get(timeout=20) is grpc.ChannelConnectivity.READY:  # a call may meet the goodbye itself
            pass
        assert call(GOOD, timeout=10) == GOOD  # on another connection: its caller does not notice


def test_a_connection_that_is_too_old_finishes_its_calls(serve):
    server = serve_ipv4(serve, "--max-connection-age", "0.3")
    with http2.Peer(server) as peer:
        peer.send(http2.headers(rpc.MEAN_FILTER, 1))
        assert b"max_age" in peer.wait_for(http2.GOAWAY)[3]
        peer.send(http2.message(GOOD, 1))
        _, _, stream, payload = peer.wait_for(http2.DATA)
        assert (stream, payload[5:]) == (1, GOOD)


def test_a_call_of_a_connection_that_is_too_old_is_cut_off(serve):
    server = serve_ipv4(serve, "--max-connection-age", "0.3", "--max-connection-age-grace", "0.3")
    with rpc.channel(server) as connection:
        held = rpc.HeldCall(connection, rpc.MEAN_FILTER)
        assert held.answer() == (grpc.StatusCode.UNAVAILABLE, "max connection age")


def test_one_connection_may_have_so_many_streams(serve):
    server = serve_ipv4(serve)
    with http2.Peer(server) as peer:
        settings = peer.wait_for(http2.SETTINGS)[3]
        pairs = [settings[at : at + 6] for at in range(0, len(settings), 6)]
        assert b"\0\3" + MAX_STREAMS.to_bytes(4, "big") in pairs


class TestDescriptors:
    @pytest.fixture(autouse=True)
    def restored(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    def test_the_server_raises_its_own_limit(self, serve):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        server = serve_ipv4(serve, "--max-connections", "300")
        limits = Path(f"/proc/{server.process.pid}/limits").read_text("ascii")
        assert int(re.search(r"Max open files\s+(\d+)", limits)[1]) == 300 + BESIDE_CONNECTIONS
        assert "file descriptors" not in server.log

    def test_what_is_beyond_the_hard_limit_is_a_warning(self, caplog):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = 2 * hard + BESIDE_CONNECTIONS
        with caplog.at_level(logging.WARNING):
            provide_descriptors(hard, 2)
        [message] = caplog.messages
        assert message == (
            f"file descriptors: this process may have {hard}, and --max-connections {hard} on 2 addresses can"
            f" need {needed}: raise the limit (ulimit -n, or LimitNOFILE= of systemd), or allow fewer"
            " connections"
        )
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)

    def test_enough_is_left_alone(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        provide_descriptors(10, 1)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
