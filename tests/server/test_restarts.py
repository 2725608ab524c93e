"""Servers that are stopped, killed and started again under load, and clients that count their answers."""

import collections
import contextlib
import re
import signal
import threading
import time

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.errors import ServiceUnavailableError
from tests import processes, rpc
from tests.processes import wait_for

SENDERS = 4
ANSWERED = re.compile(r"MeanFilter .*\bstatus=OK\b|status=OK.*MeanFilter")


class Load:
    """Threads that call again and again, and count what becomes of each call."""

    def __init__(self, call, senders=SENDERS):
        self.counts = collections.Counter()
        self._call = call
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(senders)]
        self._lock = threading.Lock()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self):
        while not self._stop.is_set():
            with self._lock:
                self.counts["sent"] += 1
            outcome = self._call()
            with self._lock:
                self.counts[outcome] += 1
            if outcome != "answered":
                time.sleep(0.01)

    def wait_for_answers(self, more):
        """Wait until there are so many more."""
        enough = self.counts["answered"] + more
        wait_for(lambda: self.counts["answered"] >= enough, 60)


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)


@contextlib.contextmanager
def serving(*options):
    with processes.serving("--access-log", *options) as server:
        yield server


def answered(server):
    """Return how many calls a server that has ended says that it has answered."""
    return sum(bool(ANSWERED.search(line)) for line in server.log.splitlines())


def stopped(server):
    server.process.terminate()
    assert server.wait() == 0
    return answered(server)


def calls_of(client, image):
    expected = imgsvc.mean_filter(image)

    def call():
        try:
            answer = client.mean_filter(image)
        except ServiceUnavailableError as error:
            return error.code.name
        return "answered" if np.array_equal(answer, expected) else "wrong"

    return call


def test_a_call_that_fails_while_a_server_stops_is_unavailable_and_nothing_else(serve, image):
    """Also those that gRPC has taken and not handed out yet, which it would cancel."""
    body = rpc.image_message(image).SerializeToString()
    for _ in range(3):
        server = serve("--host", "127.0.0.1", "--port", "0")
        with contextlib.ExitStack() as stack:
            senders = [
                stack.enter_context(rpc.channel(server, ("grpc.enable_retries", 0))).unary_unary(
                    rpc.MEAN_FILTER
                )
                for _ in range(SENDERS)
            ]
            turn = iter(range(1 << 30))

            def call(senders=senders, turn=turn):
                answer = rpc.answer_of(lambda: senders[next(turn) % SENDERS](body, timeout=20))
                return "answered" if isinstance(answer, bytes) else answer[0]

            with Load(call, 2 * SENDERS) as load:
                load.wait_for_answers(50)
                server.process.terminate()
                assert server.wait() == 0
        assert set(load.counts) == {"sent", "answered", grpc.StatusCode.UNAVAILABLE}


def test_a_server_that_is_restarted_under_load_answers_all_that_it_accepts_and_once(image):
    with serving("--host", "127.0.0.1", "--port", "0") as server:
        port = server.port
        with imgsvc.Client(server.target, retries=4) as client, Load(calls_of(client, image)) as load:
            load.wait_for_answers(50)
            accepted = stopped(server)
            with serving("--host", "127.0.0.1", "--port", port) as again:
                load.wait_for_answers(50)
                accepted += stopped(again)
    counts = load.counts
    assert set(counts) <= {"sent", "answered", "UNAVAILABLE"}
    assert counts["sent"] == counts["answered"] + counts["UNAVAILABLE"]
    assert counts["answered"] == accepted


def test_with_a_second_server_no_call_fails(image):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(serving("--host", "127.0.0.1", "--port", "0")) for _ in range(2)]
        client = stack.enter_context(imgsvc.Client([server.target for server in servers], retries=4))
        accepted = 0
        with Load(calls_of(client, image)) as load:
            for number in (0, 1):
                load.wait_for_answers(50)
                port = servers[number].port
                accepted += stopped(servers[number])
                servers[number] = stack.enter_context(serving("--host", "127.0.0.1", "--port", port))
        accepted += sum(map(stopped, servers))
    assert set(load.counts) == {"sent", "answered"}
    assert load.counts["sent"] == load.counts["answered"] == accepted


def test_a_server_that_is_killed_under_load_is_noticed_and_left(image):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(serving("--host", "127.0.0.1", "--port", "0")) for _ in range(2)]
        client = stack.enter_context(imgsvc.Client([server.target for server in servers], retries=4))
        small = np.ascontiguousarray(image[:8, :8])  # gRPC tries no call again whose answer has begun to come
        with Load(calls_of(client, small)) as load:
            load.wait_for_answers(50)
            servers[0].process.kill()
            begin = time.monotonic()
            load.wait_for_answers(2 * SENDERS)
            assert time.monotonic() - begin < 5
            load.wait_for_answers(50)
    assert set(load.counts) == {"sent", "answered"}
    assert servers[0].wait() == -signal.SIGKILL


def test_callers_of_a_server_that_is_killed_see_unavailable_at_once(serve, image):
    server = serve("--host", "127.0.0.1", "--port", "0")
    with rpc.channel(server) as connection:
        held = [rpc.HeldCall(connection, rpc.MEAN_FILTER, timeout=60) for _ in range(4)]
        rpc.call(server, rpc.MEAN_FILTER, rpc.image_message(image).SerializeToString())
        server.process.kill()
        begin = time.monotonic()
        assert {call.answer()[0] for call in held} == {grpc.StatusCode.UNAVAILABLE}
        assert time.monotonic() - begin < 5


def test_the_unix_socket_of_a_killed_server_is_taken_over(serve, socket_path, image):
    first = serve("--unix-socket", socket_path)
    first.process.kill()
    first.wait()
    assert socket_path.exists()
    second = serve("--unix-socket", socket_path)
    with imgsvc.Client(second.target) as client:
        np.testing.assert_array_equal(client.mean_filter(image), imgsvc.mean_filter(image))
