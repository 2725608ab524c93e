"""Of several who ask for the same, one computes; what the others do when it cannot."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgsvc.cache.cache import Made, ResultCache
from imgsvc.cache.memory import MemoryStore
from imgsvc.errors import InvalidImageError, OverloadedError, StoppedError
from imgsvc.runtime.cores import Job
from tests.processes import wait_for

KEY = bytes(32)


@pytest.fixture
def cache():
    return ResultCache(MemoryStore(1 << 20, 60), 2)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(20) as threads:
        yield threads


class Work:
    """Computing that waits to be told, and counts."""

    def __init__(self, *outcomes):
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.count = 0
        self.admitted = 0
        self._outcomes = list(outcomes)

    def admit(self):
        self.admitted += 1

    def __call__(self):
        self.count += 1
        outcome = self._outcomes.pop(0) if self._outcomes else Made(b"answer")
        self.begun.release()
        assert self.go.wait(20)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def waiting(cache):
    flight = cache._flights.under_way(KEY)
    return len(flight._waiting) if flight else 0


def ask(cache, work, job=None):
    return cache.answer(KEY, job or Job(), work.admit, work)[:2]


def test_one_computes_for_all(cache, pool):
    work = Work()
    asked = [pool.submit(ask, cache, work) for _ in range(20)]
    wait_for(lambda: waiting(cache) == 19)
    work.go.set()
    answers = [each.result() for each in asked]
    assert sorted(answers) == [(b"answer", False)] + [(b"answer", True)] * 19
    assert len({id(message) for message, _ in answers}) == 1
    assert (work.count, work.admitted) == (1, 1)
    assert ask(cache, work) == (b"answer", True)
    assert (cache.hits, cache.misses) == (20, 1)


def test_who_waits_ends_with_its_own_cancellation_or_deadline(cache, pool):
    work = Work()
    leader = pool.submit(ask, cache, work)
    work.begun.acquire()
    cancelled = Job()
    jobs = [cancelled, Job(0.05), Job()]
    followers = [pool.submit(ask, cache, work, job) for job in jobs]
    wait_for(lambda: waiting(cache) >= 2)
    cancelled.cancel()
    assert str(followers[0].exception(20)) == "cancelled before the result was ready"
    assert str(followers[1].exception(20)) == "not ready by its deadline"
    wait_for(lambda: waiting(cache) == 1)
    work.go.set()
    assert leader.result() == (b"answer", False)
    assert followers[2].result() == (b"answer", True)
    assert work.count == 1


def test_when_the_one_who_computes_is_stopped_another_takes_over(cache, pool):
    work = Work(StoppedError(cancelled=True), StoppedError(cancelled=False))
    leader = pool.submit(ask, cache, work)
    work.begun.acquire()
    followers = [pool.submit(ask, cache, work) for _ in range(5)]
    wait_for(lambda: waiting(cache) == 5)
    work.go.set()
    assert isinstance(leader.exception(), StoppedError)
    ended = [each.exception() or each.result() for each in followers]
    assert sum(isinstance(each, StoppedError) for each in ended) == 1
    assert ended.count((b"answer", False)) == 1
    assert ended.count((b"answer", True)) == 3
    assert work.count == 3


def test_an_error_is_kept_for_nobody_and_each_gets_its_own(cache, pool):
    errors = [InvalidImageError("image", number, "better") for number in range(4)]
    work = Work(*errors)
    asked = [pool.submit(ask, cache, work)]
    work.begun.acquire()
    asked += [pool.submit(ask, cache, work) for _ in range(3)]
    wait_for(lambda: waiting(cache) == 3)
    work.go.set()
    assert {id(each.exception()) for each in asked} == set(map(id, errors))
    assert ask(cache, work) == (b"answer", False)


def test_what_is_not_to_be_kept_is_given_to_nobody_else(cache, pool):
    work = Work(Made(b"odd", keep=False), Made(b"odd", keep=False))
    asked = [pool.submit(ask, cache, work)]
    work.begun.acquire()
    asked.append(pool.submit(ask, cache, work))
    wait_for(lambda: waiting(cache) == 1)
    work.go.set()
    assert [each.result() for each in asked] == [(b"odd", False)] * 2
    assert ask(cache, work) == (b"answer", False)


def test_who_is_not_admitted_leads_nobody(cache):
    work = Work()
    work.go.set()

    def refuse():
        assert cache._flights.under_way(KEY) is None, "others would wait for one who waits for room"
        raise OverloadedError("bytes in flight", 2, 1)

    with pytest.raises(OverloadedError):
        cache.answer(KEY, Job(), refuse, work)
    assert ask(cache, work) == (b"answer", False)
    assert (cache.hits, cache.misses, work.count) == (0, 1, 1)
