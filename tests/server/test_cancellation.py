"""Calls that end early, cancelled or by their deadline, and the cores that they leave."""

import contextlib
import dataclasses
import threading
import time

import grpc
import numpy as np
import pytest

from imgsvc.config import ServerConfig
from imgsvc.operations import MeanFilter
from imgsvc.runtime.cores import Job
from imgsvc.server import nl_image_service
from imgsvc.server.lifecycle import Server
from imgsvc.wire.nl_image import IMAGE, draft_image, mean_filter_request
from tests import rpc
from tests.processes import wait_for


class Endless(MeanFilter):
    """The kernel again and again, until it is stopped: a call that only its end can end."""

    def __init__(self, running):
        object.__setattr__(self, "running", running)

    def apply(self, src, dst, num_threads, stop):
        self.running.set()
        end = time.monotonic() + 60
        while not stop.stopped:
            assert time.monotonic() < end
            super().apply(src, dst, num_threads, stop)


class Serving:
    """A server on one core in this process, whose MeanFilter is endless for images of one row."""

    def __init__(self, server, running):
        self.target = server.addresses[0]
        self.running = running
        self.cores = server.limiter.cores
        self.limiter = server.limiter


@pytest.fixture(params=[1, 2], ids=["one core", "a lane of two"])
def serving(request, monkeypatch):
    running = threading.Event()

    def parse(body):
        asked = mean_filter_request(body)
        return dataclasses.replace(asked, operation=Endless(running)) if asked.shape[0] == 1 else asked

    monkeypatch.setitem(nl_image_service.METHODS, rpc.MEAN_FILTER, (IMAGE, parse))
    with Server(ServerConfig(port=0, cores=request.param)) as server:
        yield Serving(server, running)


def message(shape):
    draft = draft_image(shape)
    draft.pixels[...] = 1
    return draft.finish()


ENDLESS, ORDINARY = message((1, 16 << 20)), message((400, 400))  # the latter is too large to be done at once


@contextlib.contextmanager
def calls(serving):
    with rpc.channel(serving) as connection:
        yield connection.unary_unary(rpc.MEAN_FILTER)


def test_a_cancelled_call_frees_its_cores(serving):
    with calls(serving) as mean_filter:
        call = mean_filter.future(ENDLESS)
        assert serving.running.wait(30)
        call.cancel()
        assert mean_filter(ORDINARY, timeout=30) == ORDINARY
        wait_for(lambda: serving.limiter.quiet_since() is not None)
        assert serving.cores.wasted_core_seconds > 0


def test_a_call_past_its_deadline_frees_its_cores(serving):
    with calls(serving) as mean_filter:
        code, _ = rpc.answer_of(lambda: mean_filter(ENDLESS, timeout=3))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert serving.running.is_set()
        assert mean_filter(ORDINARY, timeout=30) == ORDINARY
        wait_for(lambda: serving.limiter.quiet_since() is not None)
        assert serving.cores.wasted_core_seconds > 0


def test_the_kernel_ends_at_the_deadline_by_itself(serving, monkeypatch):
    """gRPC's news of it may be late: its serving thread delivers them."""
    monkeypatch.setattr(Job, "cancel", lambda self: None)
    with calls(serving) as mean_filter:
        code, _ = rpc.answer_of(lambda: mean_filter(ENDLESS, timeout=2))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert mean_filter(ORDINARY, timeout=30) == ORDINARY


def test_a_call_that_waits_for_cores_leaves_when_it_is_cancelled(serving):
    with calls(serving) as mean_filter:
        first = mean_filter.future(ENDLESS)
        assert serving.running.wait(30)
        waiting = mean_filter.future(ORDINARY)
        wait_for(lambda: serving.limiter.num_calls == 2)
        time.sleep(0.05)  # on its way to where it waits
        waiting.cancel()
        wait_for(lambda: serving.limiter.num_calls == 1)
        assert not first.done()
        wasted = serving.cores.wasted_core_seconds
        late = mean_filter.future(ORDINARY, timeout=0.2)
        assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        wait_for(lambda: serving.limiter.num_calls == 1)
        assert serving.limiter.congestion.num_calls == 1
        assert serving.cores.wasted_core_seconds == wasted  # they cost nothing
        first.cancel()


def test_a_client_that_goes_away_frees_the_cores(serving):
    with rpc.channel(serving) as connection:
        call = connection.unary_unary(rpc.MEAN_FILTER).future(ENDLESS)
        assert serving.running.wait(30)
        assert not call.done()
    with calls(serving) as mean_filter:
        assert mean_filter(ORDINARY, timeout=30) == ORDINARY


def test_the_log_says_what_it_cost(serving, caplog):
    with calls(serving) as mean_filter:
        call = mean_filter.future(ENDLESS)
        assert serving.running.wait(30)
        time.sleep(0.2)
        call.cancel()
        pattern = "status=CANCELLED field=core seconds value="
        [line] = wait_for(lambda: [r.message for r in caplog.records if pattern in r.message])
    assert float(line.split(pattern)[1].split(":")[0]) >= 0.2


def test_the_server_says_in_the_end_what_nobody_waited_for(serve):
    server = serve("--port", "0")
    image = message((3000, 4000, 3))
    with rpc.channel(server) as connection:
        mean_filter = connection.unary_unary(rpc.MEAN_FILTER)
        assert np.frombuffer(mean_filter(image), np.uint8).size == len(image)
        server.process.terminate()
        server.wait()
    assert "core seconds: 0." in server.log
    assert "of which for calls that nobody waited for: 0.000" in server.log
