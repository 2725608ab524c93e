"""What is refused under load, and what is not: estimates by themselves, and real servers."""

import contextlib
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.config import ServerConfig
from imgsvc.errors import OverloadedError, ServiceTimeoutError, ServiceUnavailableError
from imgsvc.runtime.cores import Job
from imgsvc.server.callers.addresses import address_of, network_of
from imgsvc.server.lifecycle import Server
from imgsvc.server.overload import backlog as backlog_module
from imgsvc.server.overload import congestion
from imgsvc.server.overload.backlog import Backlog
from imgsvc.server.overload.congestion import Congestion
from imgsvc.server.refusals import Abandoned, TooLate
from imgsvc.server.unary import UnaryCalls
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchRequest, ProcessBatchResponse
from imgsvc.v1.recipe_pb2 import Recipe
from tests import http2, rpc, v1
from tests.processes import wait_for

HEAVY = " | ".join(["gaussian_blur sigma=10"] * 6)


def job(predicted, caller="", deadline=None):
    made = Job(deadline, flow=caller)
    made.predicted = predicted
    return made


def admitted(backlog, *jobs):
    for each in jobs:
        backlog.admit(each)
    return jobs


class TestBacklog:
    def test_an_idle_server_takes_anything(self):
        backlog = Backlog(2, 1.0)
        admitted(backlog, job(100.0))
        assert backlog.seconds == 100.0

    def test_as_much_as_can_be_done_within_the_limit(self):
        backlog = Backlog(2, 1.0)
        admitted(backlog, *(job(0.125) for _ in range(17)))
        with pytest.raises(OverloadedError) as raised:
            backlog.admit(job(0.125))
        details = "seconds of waiting for cores would be 1.062, the limit is 1.0"
        assert str(raised.value) == f"the server is busy: {details}; try again later"
        assert 0.75 <= raised.value.retry_after <= 1.4

    def test_what_leaves_makes_room(self):
        backlog = Backlog(1, 1.0)
        jobs = admitted(backlog, *(job(0.2) for _ in range(6)))
        with pytest.raises(OverloadedError):
            backlog.admit(job(0.2))
        for each in jobs:
            backlog.leave(each, finished=False)
            backlog.leave(each, finished=False)
        assert backlog.seconds == 0
        admitted(backlog, job(0.2))

    def test_a_caller_waits_for_itself(self):
        backlog = Backlog(1, 1.0)
        admitted(backlog, *(job(0.2, "flood") for _ in range(6)))
        with pytest.raises(OverloadedError):
            backlog.admit(job(0.2, "flood"))
        admitted(backlog, *(job(0.2, "modest") for _ in range(2)))

    def test_many_callers_wait_for_each_other(self):
        backlog = Backlog(1, 1.0)
        admitted(backlog, *(job(0.2, str(number)) for number in range(6)))
        with pytest.raises(OverloadedError):
            backlog.admit(job(0.2, "another"))

    def test_short_work_does_not_wait_for_long(self):
        backlog = Backlog(2, 1.0)
        admitted(backlog, job(10.0), job(0.1))
        admitted(backlog, job(10.0))  # as long as it computes
        with pytest.raises(OverloadedError):
            backlog.admit(job(10.0))
        admitted(backlog, *(job(0.1) for _ in range(5)))

    def test_with_one_core_it_does(self):
        backlog = Backlog(1, 1.0)
        [long] = admitted(backlog, job(10.0, "a"))
        for caller in "a", "b":
            with pytest.raises(OverloadedError, match=r"seconds of waiting for cores would be (9\.9|10\.0)"):
                backlog.admit(job(0.1, caller, deadline=1.0))
        backlog.leave(long, finished=False)
        admitted(backlog, job(0.1, "b", deadline=1.0))
        assert backlog.seconds == pytest.approx(0.1)

    def test_with_one_core_a_long_job_that_is_nearly_done_keeps_nobody_out(self, monkeypatch):
        clock = Clock()
        monkeypatch.setattr(backlog_module, "time", clock)
        backlog = Backlog(1, 1.0)
        admitted(backlog, job(2.0, "a"))
        with pytest.raises(OverloadedError):
            backlog.admit(job(0.1, "b"))
        clock.now += 1.5
        admitted(backlog, job(0.1, "b"))

    def test_a_deadline_that_cannot_be_met(self):
        backlog = Backlog(1, 10.0)
        admitted(backlog, job(0.9, deadline=1.0))
        with pytest.raises(OverloadedError):
            backlog.admit(job(0.9, deadline=1.0))
        with pytest.raises(TooLate, match=r"^deadline: 1(\.\d+)? s are left, and the work takes about 5 s$"):
            backlog.admit(job(5.0, deadline=1.0))

    def test_what_a_call_has_waited_already_counts(self):
        backlog = Backlog(1, 1.0)
        admitted(backlog, *(job(0.1) for _ in range(4)))
        with pytest.raises(OverloadedError, match=r"would be 0\.4, the limit is 0\.3"):
            backlog.admit(job(0.1), waited=0.7)
        backlog.admit(job(0.1), waited=0.5)

    def test_of_who_has_waited_too_long_a_moment_more_is_not_asked_in_vain(self):
        backlog = Backlog(1, 1.0)
        admitted(backlog, job(0.05))
        backlog.admit(job(0.1), waited=2.0)
        with pytest.raises(OverloadedError):
            backlog.admit(job(0.1), waited=2.0)

    def test_it_learns_what_work_takes(self):
        backlog = Backlog(1, 1.0)
        for _ in range(200):
            one = job(0.1)
            backlog.admit(one)
            one.core_seconds = 0.2
            backlog.leave(one, finished=True)
        admitted(backlog, job(0.1))
        assert backlog.seconds == pytest.approx(0.2, rel=0.05)

    def test_it_does_not_refuse_for_ever_what_took_long_once(self):
        backlog = Backlog(1, 1.0)
        for _ in range(200):
            one = job(0.1)
            backlog.admit(one)
            one.core_seconds = 0.4
            backlog.leave(one, finished=True)
        with pytest.raises(TooLate):
            backlog.admit(job(0.1, deadline=0.25))
        for _ in range(20):
            with contextlib.suppress(TooLate):
                backlog.admit(job(0.1, deadline=0.25))
                break
        else:
            raise AssertionError
        for _ in range(200):
            with pytest.raises(TooLate):  # which no ratio makes possible
                backlog.admit(job(0.5, deadline=0.25))

    def test_what_is_negligible_is_not_counted(self):
        backlog = Backlog(1, 1.0)
        admitted(backlog, job(0.0), job(1e-4))
        assert backlog.seconds == 0


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(congestion, "time", made)
    return made


class TestCongestion:
    def load(self, clock, calls, rate, seconds=2.0, caller="a"):
        """Return one with so many calls, of which so many a second are done and come again."""
        made = Congestion(1, 1.0)
        for _ in range(calls):
            made.enter(caller)
        for _ in range(int(seconds * rate)):
            clock.now += 1 / rate
            made.leave(caller)
            made.enter(caller)
        return made

    def fill(self, made):
        """Let calls come until one is refused, and return why."""
        for _ in range(50):
            try:
                made.enter("a")
            except OverloadedError as error:
                return error
        raise AssertionError

    def test_little_s_law(self, clock):
        assert self.load(clock, 50, 100).seconds == pytest.approx(0.5, rel=0.1)

    def test_beyond_the_limit(self, clock):
        made = self.load(clock, 50, 100)
        refusal = self.fill(made)
        assert str(refusal).startswith("the server is busy: seconds of waiting would be 0.5")
        assert "the limit is 0.55" in str(refusal)
        assert made.num_calls <= 60

    def test_others_do_not_wait_behind_a_flood(self, clock):
        made = self.load(clock, 50, 100)
        self.fill(made)
        for _ in range(5):
            made.enter("b")

    def test_few_calls_are_never_refused_however_slow(self, clock):
        made = Congestion(1, 1.0)
        for _ in range(4):
            made.enter("a")
            clock.now += 100

    def test_a_burst_after_a_calm_time_is_not_refused(self, clock):
        made = self.load(clock, 1, 2, seconds=60)
        for _ in range(60):
            made.enter("a")
        assert made.seconds == 0

    def test_without_any_answer_nothing_is_known(self, clock):
        made = Congestion(1, 1.0)
        for _ in range(200):
            made.enter("a")
            clock.now += 0.1
        assert made.seconds == 0


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.1:50000", "ipv4:10.0.0.1"),
        ("ipv4:10.0.0.1", "ipv4:10.0.0.1"),
        ("ipv6:%5B::1%5D:50000", "ipv6:::/64"),
        ("ipv6:%5B2001:db8:1:2:3::4%5D:50000", "ipv6:2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2:5::6%5D:50001", "ipv6:2001:db8:1:2::/64"),
        ("ipv6:2001:db8:1:2:5::6", "ipv6:2001:db8:1:2::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:50001", "ipv6:fe80::/64"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:50000", "ipv6:10.0.0.1"),
        ("ipv6:[::1]:5", "ipv6:::/64"),
        ("ipv4:what:1", "ipv4:what"),
        ("unix:", "unix:"),
    ],
)
def test_an_address_is_without_its_port(peer, address):
    assert address_of(peer) == address


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:10.0.0.1:50000", "ipv4:10.0.0"),
        ("ipv6:%5B::1%5D:50000", "ipv6:::/64"),
        ("ipv6:%5B2001:db8::4%5D:50000", "ipv6:2001:db8::/64"),
        ("ipv6:%5B2001:db8:0:0:5::6%5D:50001", "ipv6:2001:db8::/64"),
        ("ipv6:%5B2001:db8:0:1:5::6%5D:50001", "ipv6:2001:db8:0:1::/64"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:50000", "ipv6:10.0.0"),
        ("unix:", "unix:"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
    ],
)
def test_neighbours_are_of_one_network(peer, network):
    assert network_of(peer) == network


def test_whose_a_call_is_is_known_before_a_worker_takes_it(monkeypatch):
    go, take = threading.Event(), UnaryCalls._take

    def take_later(*args):
        assert go.wait(20)
        take(*args)

    monkeypatch.setattr(UnaryCalls, "_take", take_later)
    config = ServerConfig(host="127.0.0.1", port=0, max_workers=1)
    with Server(config) as server, grpc.insecure_channel(server.addresses[0]) as connection:
        body = rpc.image_message(np.zeros((300, 300), np.uint8)).SerializeToString()
        calls = [connection.unary_unary(rpc.MEAN_FILTER).future(body, timeout=20) for _ in range(3)]
        congestion = server.limiter.congestion
        wait_for(lambda: congestion.num_calls == 3)
        [(caller, count)] = congestion._calls.items()
        assert (caller.key, caller.calls, count) == ("ipv4:127.0.0.1", 3, 3)
        go.set()
        assert [call.result() for call in calls] == [body] * 3
        wait_for(lambda: congestion.num_calls == 0 == server.limiter.num_calls)


def test_a_damaged_file_teaches_nothing(rng):
    """It took a part of what it would have: batches of them would let too much in."""
    good = v1.encoded(rng.integers(0, 256, (800, 1000, 3), dtype=np.uint8))
    at = good.index(b"IDAT")
    [size] = struct.unpack(">I", good[at - 4 : at])
    chunk = good[at : at + size // 2] + bytes(4 + size - size // 2)
    damaged = good[:at] + chunk + struct.pack(">I", zlib.crc32(chunk)) + good[at + size + 8 :]
    items = [BatchItem(image=v1.file(damaged))] * 20
    server = Server(ServerConfig(host="127.0.0.1", port=0, cores=1))
    server.warm_up()
    with server, grpc.insecure_channel(server.addresses[0]) as connection:
        answers = connection.stream_stream(v1.BATCH)(
            iter([ProcessBatchRequest(items=items).SerializeToString()]), timeout=20
        )
        found = [result for answer in answers for result in ProcessBatchResponse.FromString(answer).results]
        assert [result.status.code for result in found] == [grpc.StatusCode.INVALID_ARGUMENT.value[0]] * 20
        assert server.limiter.backlog._ratio == 1


LARGE_WORK = {"text": "resize width=2000 height=2000 | resize width=8 height=8"}


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (v1.PROCESS, v1.request(v1.pixels(np.zeros((1, 1, 3), np.uint8)), **LARGE_WORK)),
        (
            v1.BATCH,
            ProcessBatchRequest(
                recipe=Recipe(**LARGE_WORK), items=[BatchItem(image=v1.pixels(np.zeros((1, 1, 3), np.uint8)))]
            ),
        ),
    ],
)
def test_an_answer_that_is_not_taken_holds_its_own_bytes_alone(method, message):
    """Not those of the work, or a few clients that take nothing would keep all others out."""
    config = ServerConfig(host="127.0.0.1", port=0, cores=1)
    with Server(config) as server:
        with http2.Peer(
            SimpleNamespace(port=server.addresses[0].rpartition(":")[2]), http2.no_window()
        ) as stingy:
            stingy.send(http2.headers(method, 1), http2.message(message.SerializeToString(), 1))
            wait_for(lambda: server.limiter.cores.core_seconds)
            wait_for(lambda: 0 < server.limiter.num_bytes < 4096, 5)
            assert server.limiter.num_calls == 1
        wait_for(lambda: server.limiter.num_bytes == 0 == server.limiter.num_calls)


def test_a_call_that_is_late_already_is_not_taken(clock):
    with pytest.raises(Abandoned, match="not ready by its deadline"):
        Congestion(1, 1.0).enter("a", remaining=-0.1)


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (700, 1000, 3), dtype=np.uint8)


def flood(client, image, stop, errors, answers):
    while not stop.is_set():
        try:
            client.process(image, HEAVY)
            answers.append(time.monotonic())
        except ServiceUnavailableError as error:
            errors.append(error)


def test_a_server_that_has_enough_to_do_says_so_at_once(serve, image):
    server = serve("--port", "0", "--cores", "1", "--max-queue-seconds", "0.3")
    stop, errors, answers = threading.Event(), [], []
    with imgsvc.Client(server.target, retries=0) as client, ThreadPoolExecutor(10) as pool:
        for _ in range(10):
            pool.submit(flood, client, image, stop, errors, answers)
        try:
            wait_for(lambda: len(errors) >= 5 and len(answers) >= 5)
        finally:
            stop.set()
    assert {error.code for error in errors} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert all("the server is busy: seconds of waiting" in error.details for error in errors)
    assert all(0 < error.retry_after < 30 for error in errors)


def test_and_with_a_longer_limit_it_lets_them_wait(serve, image):
    server = serve("--port", "0", "--cores", "1", "--max-queue-seconds", "60")
    with imgsvc.Client(server.target, retries=0) as client, ThreadPoolExecutor(10) as pool:
        assert len(list(pool.map(lambda _: client.process(image, HEAVY), range(10)))) == 10


def test_a_flood_does_not_shut_others_out(serve, image, socket_path):
    server = serve("--port", "0", "--unix-socket", socket_path, "--cores", "1", "--max-queue-seconds", "0.3")
    tcp, unix = server.addresses
    stop, errors, answers = threading.Event(), [], []
    with (
        imgsvc.Client(tcp, retries=0) as flooding,
        imgsvc.Client(unix, retries=0) as modest,
        ThreadPoolExecutor(16) as pool,
    ):
        for _ in range(16):
            pool.submit(flood, flooding, image, stop, errors, answers)
        try:
            wait_for(lambda: errors)
            for _ in range(5):
                modest.process(image[:200, :200], HEAVY)
        finally:
            stop.set()
    assert answers


def test_what_cannot_be_done_by_its_deadline_is_not_begun(serve, rng):
    server = serve("--port", "0", "--cores", "1")
    image = rng.integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
    with imgsvc.Client(server.target, retries=0) as client:
        with pytest.raises(ServiceTimeoutError, match="s are left, and the work takes about"):
            client.process(image, " | ".join(["gaussian_blur sigma=50"] * 60), timeout=6)
        client.process(image[:100, :100], HEAVY, timeout=3)
