"""Threads that go round the callers."""

import threading

import pytest

from imgsvc.runtime.fair_pool import start_fair_pool
from tests.processes import wait_for


@pytest.fixture
def make_pool():
    made = []

    def make(threads):
        made.append(start_fair_pool(threads, "test"))
        return made[-1]

    yield make
    for pool in made:
        pool.shutdown()


def test_callers_take_turns(make_pool):
    pool, go, order = make_pool(1), threading.Event(), []
    pool.submit_for("a", go.wait, 30)
    for caller in ("a", "a", "a", "b", "c", "b"):
        pool.submit_for(caller, order.append, caller)
    go.set()
    wait_for(lambda: len(order) == 6)
    assert order == ["a", "b", "c", "a", "b", "a"]


def test_one_caller_does_not_get_all_threads(make_pool):
    pool, go, began = make_pool(4), threading.Event(), []

    def hold(caller):
        began.append(caller)
        go.wait(30)

    for _ in range(6):
        pool.submit_for("a", hold, "a")
    wait_for(lambda: len(began) == 3)
    pool.submit_for("b", hold, "b")
    wait_for(lambda: "b" in began)
    assert began == ["a", "a", "a", "b"]
    go.set()
    wait_for(lambda: len(began) == 7)


def test_all_is_done_before_the_end(make_pool):
    pool, go, done = make_pool(4), threading.Event(), []
    for number in range(20):
        pool.submit_for("a", lambda number=number: (go.wait(30), done.append(number)))
    threading.Timer(0.05, go.set).start()
    pool.shutdown()
    assert sorted(done) == list(range(20))
    with pytest.raises(RuntimeError, match="cannot take work after shutdown"):
        pool.submit_for("a", go.wait)


def test_a_failure_is_logged_and_gives_the_thread_back(make_pool, caplog):
    pool, done = make_pool(1), threading.Event()
    pool.submit_for("a", lambda: 1 / 0)
    pool.submit_for("a", done.set)
    assert done.wait(30)
    assert "a thread's work failed" in caplog.text
