"""Pools whose threads are there from the start."""

import logging
import queue
import threading
import time

import pytest

from imgsvc.runtime.pools import start_pool


@pytest.fixture
def pool():
    pool = start_pool(3, "test")
    yield pool
    pool.shutdown()


def test_all_its_threads_run_from_the_start(pool):
    names = {thread.name for thread in threading.enumerate() if thread.name.startswith("imgsvc-test_")}
    assert names == {"imgsvc-test_0", "imgsvc-test_1", "imgsvc-test_2"}


def test_what_is_submitted_runs_once_on_its_threads_and_as_many_at_a_time(pool):
    together = threading.Barrier(3)
    done = []

    def work(number, name):
        together.wait(30)
        done.append((number, name, threading.current_thread().name[:12]))

    for number in range(99):
        pool.submit(work, number, "x")
    pool.shutdown()
    assert sorted(done) == [(number, "x", "imgsvc-test_") for number in range(99)]


def test_one_thread_keeps_the_order():
    pool, done = start_pool(1, "test"), []
    for number in range(1000):
        pool.submit(done.append, number)
    pool.shutdown()
    assert done == list(range(1000))


def test_the_last_that_became_idle_is_woken(pool):
    def name():
        found = queue.SimpleQueue()
        pool.submit(lambda: found.put(threading.current_thread().name))
        name = found.get(timeout=30)
        time.sleep(0.01)  # until it waits again
        return name

    assert len({name() for _ in range(10)}) == 1


def test_an_error_is_logged_and_costs_no_thread(pool, caplog):
    for _ in range(9):
        pool.submit(lambda: 1 / 0)
    with caplog.at_level(logging.ERROR):
        test_what_is_submitted_runs_once_on_its_threads_and_as_many_at_a_time(pool)
    assert "ZeroDivisionError" in caplog.text


def test_nothing_is_taken_after_the_end(pool):
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(print)
