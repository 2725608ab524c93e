"""Threads that go round the callers."""

import threading
import time

import pytest

from imgsvc.runtime.fair_pool import blocking, start_fair_pool
from tests.processes import wait_for


@pytest.fixture
def make_pool():
    made = []

    def make(threads, active=None):
        made.append(start_fair_pool(threads, "test", active=active or threads))
        return made[-1]

    yield make
    for pool in made:
        pool.shutdown()


def test_callers_take_turns(make_pool):
    pool, go, order = make_pool(1), threading.Event(), []
    pool.submit_for("first", go.wait, 30)
    for caller in ("a", "a", "a", "b", "c", "b"):
        pool.submit_for(caller, order.append, caller)
    go.set()
    wait_for(lambda: len(order) == 6)
    assert order[:3] == ["a", "b", "c"]


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


def test_whoever_has_had_less_is_next(make_pool):
    pool, go, order = make_pool(1), threading.Event(), []

    def work(caller, seconds):
        order.append(caller)
        time.sleep(seconds)

    pool.submit_for("a", go.wait, 30)
    for _ in range(3):
        pool.submit_for("long", work, "long", 0.3)
        pool.submit_for("short", work, "short", 0.001)
    go.set()
    wait_for(lambda: len(order) == 6)
    assert order == ["long", "short", "short", "short", "long", "long"]


def test_what_has_not_begun_can_be_withdrawn(make_pool):
    pool, go, done = make_pool(1), threading.Event(), []
    began = pool.submit_for("a", go.wait, 30)
    wait_for(lambda: began.begun)
    waits = pool.submit_for("b", done.append, "b")
    pool.submit_for("c", done.append, "c")
    assert pool.waiting == 2
    assert pool.withdraw(waits)
    assert not pool.withdraw(began)
    assert pool.waiting == 1
    go.set()
    wait_for(lambda: done)
    assert done == ["c"]


class TestNoMoreThanSoManyWorkAtATime:
    @pytest.fixture
    def pool(self, make_pool):
        return make_pool(8, active=2)

    @pytest.fixture
    def begin(self, pool):
        """Begin work of so many callers, which ends when it is told to; return what has begun."""
        began, goes = [], {caller: threading.Event() for caller in "abcdef"}

        def work(caller, waits):
            began.append(caller)
            if waits:
                with blocking():
                    goes[caller].wait(30)
                began.append(f"{caller} goes on")
                goes[f"{caller} goes on"].wait(30)
            else:
                goes[caller].wait(30)

        def begin(callers, *, waits=False):
            for caller in callers:
                goes[f"{caller} goes on"] = threading.Event()
                pool.submit_for(caller, work, caller, waits)
            return began, goes

        yield begin
        for go in goes.values():
            go.set()

    def test_the_next_begins_when_one_is_done(self, begin):
        began, goes = begin("abcd")
        wait_for(lambda: len(began) == 2)
        goes["b"].set()
        wait_for(lambda: len(began) == 3)
        time.sleep(0.05)
        assert set(began[:2]) == {"a", "b"}
        assert began[2:] == ["c"]

    def test_others_work_while_some_wait(self, begin):
        began, _ = begin("abc", waits=True)
        begin("def")
        wait_for(lambda: len(began) == 5)
        time.sleep(0.05)
        assert sorted(began) == ["a", "b", "c", "d", "e"]

    def test_who_has_waited_goes_on_at_once(self, begin):
        began, goes = begin("a", waits=True)
        wait_for(lambda: began == ["a"])
        begin("bcd")
        wait_for(lambda: len(began) == 3)
        goes["a"].set()
        wait_for(lambda: len(began) == 4)
        assert began[-1] == "a goes on"
        goes["b"].set()  # two work still
        time.sleep(0.05)
        assert len(began) == 4
        goes["a goes on"].set()
        wait_for(lambda: began[-1] == "d")


def test_whoever_is_of_no_pool_may_wait_as_well():
    with blocking():
        pass
