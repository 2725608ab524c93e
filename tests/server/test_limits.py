"""What the server refuses, and that it answers while it is busy."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import imgsvc
from imgsvc.config import ServerConfig
from imgsvc.errors import LimitExceededError, OverloadedError, ServiceUnavailableError, StoppedError
from imgsvc.server import lifecycle
from imgsvc.server.access_log import AccessLog
from imgsvc.server.call import Call, Work
from imgsvc.server.callers.caller import Caller
from imgsvc.server.callers.entry import CallerEntry
from imgsvc.server.limiter import Limiter, share_of
from imgsvc.server.overload.price import Price
from imgsvc.server.refusals import OverQuota, ShuttingDown, UnknownMethod
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchRequest, ProcessBatchResponse
from tests import http2, reference, rpc, v1
from tests.processes import wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
HEALTH_SECONDS = 1


def logged(server, text, count):
    """Return the lines of the log that hold a text, once there are as many as there should be."""
    lines = [line for line in server.log.splitlines() if text in line]
    assert len(lines) <= count
    return lines if len(lines) == count else None


def check_health(connection):
    stub = health_pb2_grpc.HealthStub(connection)
    return stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_SECONDS).status


def test_a_body_that_does_not_come_is_timed_out_and_health_answers_meanwhile(serve):
    server = serve("--host", "127.0.0.1", "--port", "0", "--max-workers", "2", "--body-timeout", "1.5")
    with rpc.channel(server) as stalled, rpc.channel(server) as other:
        held = [rpc.HeldCall(stalled, rpc.MEAN_FILTER) for _ in range(6)]  # thrice the workers
        while not all(call._call.done() for call in held):
            assert check_health(other) == health_pb2.HealthCheckResponse.SERVING
        for call in held:
            code, details = call.answer()
            assert code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert details == "body: incomplete after 1.5 s, expected in full by then"
        assert other.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10) == GOOD
    lines = wait_for(lambda: logged(server, "status=DEADLINE_EXCEEDED", len(held)))
    assert all("/NLImageService/MeanFilter peer=ipv4:127.0.0.1:" in line for line in lines)
    assert all("field=body value=incomplete" in line for line in lines)


def test_a_call_whose_body_is_not_asked_for_yet_gets_no_more_time(monkeypatch):
    monkeypatch.setattr(lifecycle, "LEAST_BODIES", 1)
    config = ServerConfig(port=0, max_workers=1, body_timeout=0.5)
    with (
        lifecycle.Server(config) as server,
        rpc.channel(SimpleNamespace(target=server.addresses[0])) as connection,
    ):
        held = [rpc.HeldCall(connection, rpc.MEAN_FILTER) for _ in range(40)]
        begin = time.monotonic()
        assert {call.answer()[0] for call in held} == {grpc.StatusCode.DEADLINE_EXCEEDED}
        assert time.monotonic() - begin < 40 * 0.5 / 2  # one after another would be twice that
        wait_for(lambda: answers(connection))


def test_an_answer_that_is_not_taken_is_timed_out(serve):
    """A client whose HTTP/2 window is closed would otherwise keep its place for ever."""
    server = serve("--host", "127.0.0.1", "--port", "0", "--max-calls", "1", "--body-timeout", "0.5")
    with http2.Peer(server, http2.no_window()) as stingy, rpc.channel(server) as other:
        stingy.send(http2.headers(rpc.MEAN_FILTER, 1), http2.message(GOOD, 1))
        while (received := stingy.receive())[0] != http2.RST_STREAM:
            assert received[0] != http2.DATA
        wait_for(lambda: answers(other))


def test_a_watcher_that_reads_nothing_holds_neither_health_nor_the_end(serve):
    server = serve("--host", "127.0.0.1", "--port", "0", "--grace", "1")
    with http2.Peer(server, http2.no_window()) as stingy, rpc.channel(server) as other:
        stingy.send(http2.headers("/grpc.health.v1.Health/Watch", 1), http2.message(b"", 1))
        for _ in range(20):
            assert check_health(other) == health_pb2.HealthCheckResponse.SERVING
            time.sleep(0.01)  # while the watcher's call arrives, and after
        server.process.terminate()
        assert server.wait() == 0


def test_many_streams_on_one_connection_leave_health_alone(serve):
    server = serve("--port", "0", "--max-calls", "20")
    with rpc.channel(server) as flood, rpc.channel(server) as other:
        held = [rpc.HeldCall(flood, rpc.MEAN_FILTER) for _ in range(1000)]
        for _ in range(20):
            assert check_health(other) == health_pb2.HealthCheckResponse.SERVING
        for call in held:
            call.cancel()


def test_a_message_without_its_end_is_answered_as_in_grpc_s_unary_methods(serve):
    server = serve("--port", "0", "--max-workers", "1")
    stop = threading.Event()

    def messages():
        yield GOOD
        stop.wait()

    with rpc.channel(server) as connection:
        call = connection.stream_unary(rpc.MEAN_FILTER).future(messages(), timeout=30)
        assert rpc.answer_of(call.result) == GOOD
        stop.set()


def test_health_answers_while_every_core_computes(serve, rng):
    server = serve("--port", "0")
    image = rng.integers(0, 256, (3000, 2000, 3), dtype=np.uint8)
    stop = threading.Event()
    with imgsvc.Client(server.target) as client, rpc.channel(server) as other, ThreadPoolExecutor(4) as pool:

        def load():
            while not stop.is_set():
                client.mean_filter(image)

        running = [pool.submit(load) for _ in range(4)]
        try:
            for _ in range(30):
                assert check_health(other) == health_pb2.HealthCheckResponse.SERVING
        finally:
            stop.set()
        for one in running:
            one.result()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux counts a process's threads")
def test_the_number_of_threads_is_bounded(serve, rng):
    """libgomp keeps a team for every thread that ever used one: without lanes 32 workers make 224 threads."""
    server = serve("--port", "0", "--cores", "8", "--max-workers", "32")
    status = Path(f"/proc/{server.process.pid}/status")

    def threads():
        return int(re.search(r"Threads:\s*(\d+)", status.read_text("ascii"))[1])

    image = rng.integers(0, 256, (3000, 3000), dtype=np.uint8)
    expected = imgsvc.mean_filter(image)
    idle = threads()
    with imgsvc.Client(server.target) as client, ThreadPoolExecutor(32) as pool:
        for answer in pool.map(lambda _: client.mean_filter(image), range(64)):
            np.testing.assert_array_equal(answer, expected)
        for _ in range(20):  # alone, on all cores
            client.mean_filter(image)
    teams = 8 + 4 + 2 + 2 - 4
    of_grpc = 16  # it starts more for its own work
    assert idle < threads() <= idle + teams + of_grpc


def test_calls_beyond_the_limit_are_refused_at_once(serve):
    server = serve("--port", "0", "--max-calls", "3", "--max-workers", "1")
    with rpc.channel(server) as connection:
        held = rpc.hold(connection, rpc.MEAN_FILTER, 3, GOOD)
        assert rpc.answer_of(lambda: connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10)) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "the server is busy: calls in flight would be 4, the limit is 3; try again later",
        )
        assert [call.answer() for call in held] == [rpc.HeldAnswer.BODY] * 3
        wait_for(lambda: answers(connection))
    wait_for(lambda: "status=RESOURCE_EXHAUSTED field=calls in flight value=4" in server.log)


def test_one_caller_leaves_calls_and_streams_to_others(serve, socket_path):
    server = serve(
        *("--host", "127.0.0.1", "--port", "0", "--unix-socket", socket_path),
        *("--max-calls", "8", "--max-streams", "4"),
    )
    stop = threading.Event()

    def one_item():
        yield ProcessBatchRequest(items=[BatchItem()]).SerializeToString()
        stop.wait()

    def batch(connection):
        return connection.stream_stream(v1.BATCH)(iter([b""]), timeout=10)

    tcp, unix = (SimpleNamespace(target=target) for target in server.addresses)
    with rpc.channel(tcp) as greedy, rpc.channel(unix) as modest:
        silent = [greedy.stream_stream(v1.BATCH)(one_item(), timeout=60) for _ in range(3)]
        assert all(next(call) for call in silent)  # they are in
        assert rpc.answer_of(lambda: list(batch(greedy))) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "the server is busy: batch streams of a caller would be 4, the limit is 3; try again later",
        )
        held = rpc.hold(greedy, rpc.MEAN_FILTER, 3, GOOD)
        assert rpc.answer_of(lambda: greedy.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10)) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "the server is busy: calls in flight of a caller would be 7, the limit is 6; try again later",
        )
        assert answers(modest)
        assert list(batch(modest)) == []
        assert [call.answer() for call in held] == [rpc.HeldAnswer.BODY] * 3
        stop.set()
        assert [list(call) for call in silent] == [[]] * 3
        wait_for(lambda: rpc.answer_of(lambda: list(batch(greedy))) == [])


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (2, 2), (3, 3), (4, 3), (8, 6), (256, 192)])
def test_three_quarters_of_what_is_enough_to_share(limit, most):
    assert share_of(limit) == most


def test_thousands_of_refusals_leave_a_connection_whole(serve):
    """Refused on another thread, calls counted as open streams for ever, of which there may be 400."""
    server = serve("--port", "0", "--max-calls", "1")
    with rpc.channel(server) as connection:
        [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
        method, codes, room = connection.unary_unary(rpc.MEAN_FILTER), [], threading.Semaphore(64)

        def ended(call):
            codes.append(call.code())
            room.release()

        for _ in range(3000):
            room.acquire()
            method.future(GOOD, timeout=30).add_done_callback(ended)
        for _ in range(64):
            room.acquire()
        assert set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert held.answer() == held.BODY
        wait_for(lambda: answers(connection))


def answers(connection):
    """Whether a call is let in; the end of another reaches the server a moment after its client."""
    return rpc.answer_of(lambda: connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10)) == GOOD


def test_bytes_beyond_the_limit_wait_for_a_moment(serve, rng):
    """Requests fill half of them at most, so that there is room for answers."""
    server = serve(
        *("--port", "0", "--max-message-bytes", "4MiB", "--max-bytes-in-flight", "8MiB"),
        *("--max-workers", "16"),  # half of them may wait for bytes
    )
    image = rng.integers(0, 256, (1000, 1300, 3), dtype=np.uint8)
    expected = reference.mean_filter_large(image)
    with imgsvc.Client(server.target) as client, ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda _: client.mean_filter(image), range(16)):
            np.testing.assert_array_equal(answer, expected)


def test_bytes_beyond_the_limit_are_refused(serve, rng):
    server = serve(
        *("--port", "0", "--max-message-bytes", "4MiB", "--max-bytes-in-flight", "8MiB"),
        *("--max-queue-seconds", "0.01"),
    )
    image = rng.integers(0, 256, (1000, 1300, 3), dtype=np.uint8)
    refusals = []
    with imgsvc.Client(server.target) as client, ThreadPoolExecutor(8) as pool:

        def one(_):
            try:
                client.mean_filter(image)
            except ServiceUnavailableError as error:
                refusals.append(error)

        def refused():
            list(pool.map(one, range(16)))
            return [error for error in refusals if "bytes in flight would be" in error.details]

        assert all(error.retry_after > 0 for error in wait_for(refused))
        wait_for(lambda: np.array_equal(client.mean_filter(image), reference.mean_filter_large(image)))
    assert {error.code for error in refusals} == {grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_a_request_that_takes_more_bytes_than_there_are_is_not_told_to_come_again(serve):
    """It would come again for ever, and the server would seem to be saturated."""
    server = serve("--port", "0", "--max-message-bytes", "1MiB")
    request = v1.request(v1.pixels(np.zeros((1, 1, 3), np.uint8)), text="resize width=4000 height=4000")
    [broken] = v1.plan(server, request).broken_limits
    rest = len(request.SerializeToString()) - 3  # beside the pixels, which the plan counts

    def details(value):
        return f"bytes in flight: {value} bytes, expected at most {8 << 20}"

    with rpc.channel(server) as connection:
        with pytest.raises(grpc.RpcError) as raised:
            connection.unary_unary(v1.PROCESS)(request.SerializeToString(), timeout=30)
        error = raised.value
        assert (error.code(), error.details()) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            details(broken.value + rest),
        )
        assert "grpc-retry-pushback-ms" not in dict(error.trailing_metadata())
        item = BatchItem(id="large", image=request.image, recipe=request.recipe)
        batch = ProcessBatchRequest(items=[item]).SerializeToString()
        [answer] = connection.stream_stream(v1.BATCH)(iter([batch]), timeout=30)
    [result] = ProcessBatchResponse.FromString(answer).results
    assert (result.status.code, result.status.message) == (3, details(broken.value))


def test_a_message_over_the_limit_gets_grpc_s_status(serve):
    server = serve("--port", "0", "--max-message-bytes", "100000")
    message = NLImage(width=100, height=1001, data=bytes(100_100))
    code, details = rpc.call(server, rpc.MEAN_FILTER, message.SerializeToString())
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in details
    assert rpc.call(server, rpc.MEAN_FILTER, GOOD) == GOOD
    wait_for(lambda: logged(server, "field=body value=incomplete: cancelled, or over the message limit", 1))


def test_a_cancelled_call_leaves_no_trace_but_a_line(caplog):
    """A server in this process, which tells when the headers have come."""
    caplog.set_level("INFO", "imgsvc.server")
    config = ServerConfig(port=0, max_calls=1, max_workers=1)
    with (
        lifecycle.Server(config) as server,
        rpc.channel(SimpleNamespace(target=server.addresses[0])) as connection,
    ):
        for _ in range(3):
            call = rpc.HeldCall(connection, rpc.MEAN_FILTER)
            wait_for(lambda: len(server.bodies) == 1)
            call.cancel()
            wait_for(lambda: not server.bodies)
            assert answers(connection)
            wait_for(lambda: not server.limiter.num_calls)
        for _ in range(3):
            [call] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
            call.cancel()
            wait_for(lambda: answers(connection))
        wait_for(lambda: server.limiter.num_bytes == 0 == server.limiter.num_calls)
    assert caplog.text.count("status=CANCELLED field=body value=incomplete") == 3
    lines = re.findall(rf"{rpc.MEAN_FILTER} peer=.* id=(\S+) request_bytes=(\d+)", caplog.text)
    assert sum(int(size) == len(rpc.HeldAnswer.BODY) for _, size in lines) >= 3
    assert len({call for call, _ in lines}) == len(lines)  # one of each


def test_every_failed_request_is_one_line(serve):
    server = serve("--port", "0")
    rpc.call(server, rpc.MEAN_FILTER, NLImage(width=-5).SerializeToString())
    rpc.call(server, rpc.MEAN_FILTER, b"\xff")
    rpc.call(server, "/No/Such", b"")
    lines = wait_for(lambda: logged(server, "WARNING", 3))
    expected = [  # in the order of their ends, which is not quite that of the answers
        (rpc.MEAN_FILTER, "status=INVALID_ARGUMENT field=width value=-5: width: -5, expected at least 1"),
        (rpc.MEAN_FILTER, 'status=INTERNAL field=body value="not a message"'),
        ("/No/Such", "status=UNIMPLEMENTED field=method value='/No/Such'"),
    ]
    for method, failure in expected:
        (line,) = (line for line in lines if failure in line)
        assert line.split("WARNING imgsvc.server: ")[1].split(" peer=")[0] == method


def test_a_method_s_name_cannot_forge_a_line(caplog):
    record = Work("/x\n2026-01-01 WARNING imgsvc.server: forged\x1b[2K")
    record.peer = "ipv4:127.0.0.1:1"
    record.fail(UnknownMethod("/x\n"))
    AccessLog(every=True).observe([record])
    assert caplog.text
    assert "\n" not in caplog.text.strip()
    assert "\x1b" not in caplog.text


def limiter_of(max_calls, max_bytes, seconds=0.0):
    return Limiter(
        max_calls=max_calls, max_bytes=max_bytes, cores=1, max_queue_seconds=seconds, max_waiting=1
    )


def entered(limiter, num_bytes=0, caller=None):
    call = Call(rpc.Headers())
    call.flow = caller or Caller("a")
    limiter.try_acquire(call, num_bytes)
    call.on_end = limiter.release
    return call


class TestLimiter:
    def test_calls(self):
        limiter = limiter_of(2, 100)
        first, second = entered(limiter), entered(limiter)
        for ask in limiter.check, limiter.try_acquire, limiter.try_acquire_stream:
            with pytest.raises(OverloadedError, match="calls in flight would be 3, the limit is 2"):
                ask(Call(rpc.Headers()))
        limiter.done(first, finished=False)
        with pytest.raises(OverloadedError):  # its work is done, the answer is still being sent
            entered(limiter)
        first.leave()
        limiter.check(Call(rpc.Headers()))  # which counts nothing
        third = entered(limiter)
        second.leave()
        third.leave()
        assert limiter.num_calls == 0

    def test_calls_of_one_caller(self):
        limiter, greedy = limiter_of(4, 100), Caller("greedy")
        calls = [entered(limiter, caller=greedy) for _ in range(3)]
        text = "calls in flight of a caller would be 4, the limit is 3;"
        with pytest.raises(OverloadedError, match=text):
            entered(limiter, caller=greedy)
        other = entered(limiter)
        calls[0].leave()
        entered(limiter, caller=greedy)
        assert (greedy.calls, other.flow.calls, limiter.num_calls) == (3, 1, 4)

    def test_calls_beyond_a_quota(self):
        limiter, caller = limiter_of(10, 100), Caller("a", CallerEntry("a", max_calls=2))
        first, _ = entered(limiter, caller=caller), entered(limiter, caller=caller)
        with pytest.raises(OverQuota, match="^caller a: 3 calls in flight, expected at most 2; try"):
            entered(limiter, caller=caller)
        first.leave()
        entered(limiter, caller=caller)

    def test_bytes(self):
        limiter = limiter_of(10, 100)
        one, other = entered(limiter, 50), entered(limiter, 1)  # bodies fill half of it
        assert (one.held, other.held, limiter.num_bytes) == (50, 0, 50)
        with pytest.raises(OverloadedError, match="bytes in flight would be 51, the limit is 50"):
            limiter.hold_body(other, 1)
        limiter.charge(one, Price(50, 0.0, 0))
        with pytest.raises(OverloadedError, match="bytes in flight would be 101, the limit is 100"):
            limiter.charge(other, Price(1, 0.0, 0))
        assert not limiter.hold_now(other, 1)
        with pytest.raises(OverloadedError, match="bytes in flight"):
            entered(limiter)
        one.request_bytes, one.answer_bytes = 50, 10
        limiter.done(one, finished=True)  # its answer is not taken yet
        assert (one.held, limiter.num_bytes) == (60, 60)
        assert limiter.hold_now(other, 40)
        one.leave()
        limiter.give_back(other, 10)
        assert (one.held, other.held, limiter.num_bytes) == (0, 30, 30)
        other.leave()
        assert limiter.num_bytes == 0

    def test_who_waits_for_bytes_gets_them(self):
        limiter = limiter_of(10, 100, seconds=20.0)
        one, other = entered(limiter), entered(limiter)
        assert limiter.hold_now(one, 100)
        other.watched = True  # it has a thread
        threading.Timer(0.2, limiter.give_back, (one, 60)).start()
        limiter.charge(other, Price(50, 0.0, 0))
        assert (one.held, other.held) == (40, 50)
        assert [stage for stage, _, _ in other.stages] == ["queue"]
        other.cancel()
        with pytest.raises(StoppedError):
            limiter.charge(other, Price(50, 0.0, 0))

    def test_bytes_of_work_that_never_fit_beside_its_own_request(self):
        limiter = limiter_of(10, 100)
        call = entered(limiter, 20)
        text = "^bytes in flight: 101 bytes, expected at most 100$"
        with pytest.raises(LimitExceededError, match=text):
            limiter.charge(call, Price(81, 0.0, 0))
        with pytest.raises(LimitExceededError, match=text):
            limiter.hold_when_possible(call, 81, bool, beside=20)

    def test_an_item_does_not_wait_for_what_nothing_makes_room_for(self):
        limiter = limiter_of(10, 100)  # nobody waits for long
        for _ in range(4):
            entered(limiter, 12)
        call = entered(limiter)
        with pytest.raises(OverloadedError, match="bytes in flight would be 108, the limit is 100"):
            limiter.hold_when_possible(call, 60, bool)
        other = entered(limiter)
        assert limiter.hold_now(other, 45)
        threading.Timer(0.3, limiter.give_back, (other, 45)).start()
        assert limiter.hold_when_possible(call, 50, bool)  # while there is work, it waits

    def test_requests_of_a_stream_are_counted_as_what_they_are(self):
        """However its items overlap."""
        limiter = limiter_of(10, 1000)
        call = entered(limiter)
        for _ in range(3):
            assert limiter.hold_now(call, 10, is_body=True)
            assert limiter.hold_now(call, 100)
        for _ in range(50):
            assert limiter.hold_now(call, 10, is_body=True)
            limiter.give_back(call, 100)
            limiter.give_back(call, 10, is_body=True)
            assert limiter.hold_now(call, 100)
            assert (call.held_bodies, call.held) == (30, 330)
        call.leave()
        assert (limiter._body_bytes, limiter.num_bytes) == (0, 0)

    def test_large_work_leaves_room_for_others(self):
        limiter = limiter_of(10, 1600 << 20)
        large, other = entered(limiter), entered(limiter)
        with pytest.raises(LimitExceededError, match=f"expected at most {1500 << 20}$"):
            limiter.charge(large, Price(1501 << 20, 0.0, 0))
        limiter.charge(large, Price(1500 << 20, 0.0, 0))
        with pytest.raises(OverloadedError):
            limiter.charge(other, Price(65 << 20, 0.0, 0))
        limiter.charge(other, Price(64 << 20, 0.0, 0))
        assert entered(limiter, 30 << 20).held == 30 << 20  # nor does it keep requests out

    def test_bytes_that_never_can_fit_are_the_request_s_fault(self):
        limiter = limiter_of(10, 100)
        call = entered(limiter)
        text = "^bytes in flight: 101 bytes, expected at most 100$"
        for hold in (
            lambda: limiter.charge(call, Price(101, 0.0, 0)),
            lambda: limiter.hold_when_possible(call, 101, bool),
            lambda: limiter.hold_now(call, 101),
        ):
            with pytest.raises(LimitExceededError, match=text):
                hold()
        with pytest.raises(LimitExceededError, match="expected at most 50$"):
            limiter.hold_body(call, 51)

    def test_closing(self):
        limiter = limiter_of(10, 100)
        call, before = entered(limiter), Call(rpc.Headers())
        limiter.close()
        with pytest.raises(ShuttingDown):
            entered(limiter)
        assert limiter.wait_until_idle(0.01) == 1
        limiter.try_acquire(before)  # its headers had come
        call.leave()
        assert limiter.wait_until_idle(0.01) == 1
        limiter.release(before)
        assert limiter.wait_until_idle(0.01) == 0
