"""Clients that send as fast as they can, and clients that read nothing: others are served meanwhile."""

import contextlib
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import grpc
import numpy as np
import pytest

from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import http2, processes, rpc, v1
from tests.processes import wait_for
from tests.server.test_half_open import SERVING, check, usage

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells a process's memory and threads"
)

ROOT = Path(__file__).parents[2]
GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
CANCEL = struct.pack(">I", 8)
SECONDS = 1.0
MEGABYTES = 64


class Flood:
    """One client, in a process of its own: as fast as it can, it is none of this test's threads."""

    def __init__(self, port):
        self.port = port

    def headers(self, stream):
        return http2.headers(rpc.MEAN_FILTER, stream)

    def reset(self, stream):
        """Return a call that is cancelled at once (CVE-2023-44487)."""
        return self.headers(stream) + http2.frame(http2.RST_STREAM, 0, stream, CANCEL)

    def calls(self, stream):
        return self.headers(stream) + http2.message(GOOD, stream)

    def run(self, kind):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError):  # such as that of a server that has had enough
                if kind == "connections":
                    socket.create_connection(("127.0.0.1", self.port)).close()
                else:
                    self._send(getattr(self, kind), end)

    def _send(self, frames, end):
        with http2.Peer(self) as peer:
            for first in range(1, 1 << 30, 200):
                if time.monotonic() >= end:
                    return
                peer.send(*(frames(stream) for stream in range(first, first + 200, 2)))
                peer.socket.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while peer.socket.recv(1 << 20):
                        pass
                peer.socket.settimeout(5)


@pytest.fixture(scope="module")
def server_on_ipv4():
    with processes.serving("--host", "127.0.0.1", "--port", "0") as running:
        yield running


@pytest.mark.parametrize("kind", ["headers", "reset", "calls", "connections"])
def test_a_flood(server_on_ipv4, kind):
    server = server_on_ipv4
    command = [sys.executable, "-m", "tests.server.test_floods", str(server.port), kind]
    with rpc.channel(server) as other:
        send = other.unary_unary(rpc.MEAN_FILTER)
        megabytes, threads = usage(server)
        floods = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
        most_megabytes = most_threads = answers = 0
        while any(flood.poll() is None for flood in floods):
            assert check(other) == SERVING
            answer = rpc.answer_of(lambda: send(GOOD, timeout=5))
            assert answer == GOOD or answer[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
            answers += answer == GOOD
            now_megabytes, now_threads = usage(server)
            most_megabytes, most_threads = max(most_megabytes, now_megabytes), max(most_threads, now_threads)
        assert [flood.wait() for flood in floods] == [0, 0]
        assert answers
        assert most_megabytes < megabytes + MEGABYTES
        assert most_threads <= threads + 16  # of gRPC's own
        wait_for(lambda: rpc.answer_of(lambda: send(GOOD, timeout=10)) == GOOD)


def wait_for_end(peer):
    """Wait for the frame that ends the call, of whose answer nothing comes."""
    kind = flags = stream = 0
    while not (stream == 1 and (kind == http2.RST_STREAM or flags & http2.END_STREAM)):
        kind, flags, stream, _ = peer.receive()
        assert kind != http2.DATA


def not_taken(server):
    return server.log.count("answer: not taken within 2 s")


def refused(server):
    return server.log.count("status=RESOURCE_EXHAUSTED")


def test_clients_that_do_not_read_large_answers(serve):
    """Each answer is 12 MB: five of them are the budget, and those who want more are told so at once."""
    server = serve(
        "--host", "127.0.0.1", "--port", "0", "--body-timeout", "2",
        "--max-message-bytes", "16MiB", "--max-bytes-in-flight", "64MiB",
    )  # fmt: skip
    pixel = v1.pixels(np.zeros((1, 1, 3), np.uint8))
    body = v1.request(pixel, text="resize width=2000 height=2000").SerializeToString()
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(rpc.channel(server))
        send = other.unary_unary(rpc.MEAN_FILTER)
        megabytes, threads = usage(server)
        peers = [stack.enter_context(http2.Peer(server, http2.no_window())) for _ in range(30)]
        for peer in peers:
            peer.send(http2.headers(v1.PROCESS, 1), http2.message(body, 1))
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert check(other) == SERVING
            more_megabytes, more_threads = usage(server)
            assert more_megabytes < megabytes + 64 + MEGABYTES
            assert more_threads <= threads + 16
        for peer in peers:
            wait_for_end(peer)
        wait_for(lambda: refused(server) + not_taken(server) == len(peers))
        assert 1 <= not_taken(server) <= 5
        wait_for(lambda: rpc.answer_of(lambda: send(GOOD, timeout=10)) == GOOD)


if __name__ == "__main__":
    Flood(int(sys.argv[1])).run(sys.argv[2])
