"""The core budget: what is granted, in which order, and that nobody gets more than there is."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgsvc.errors import StoppedError
from imgsvc.runtime.cores import BYTES_PER_CORE, Cores, Job

LARGE, SMALL, TINY = 1 << 30, 100_000, 1000


@pytest.fixture
def make_cores():
    made = []

    def make(count):
        made.append(Cores(count))
        return made[-1]

    yield make
    for cores in made:
        cores.close()


class Held:
    """A job that computes until it is told to end."""

    def __init__(self, cores, num_bytes, job=None):
        self.granted = None
        self.job = job or Job()
        self.error = None
        self._began, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(cores, num_bytes), daemon=True)
        self._thread.start()

    def _run(self, cores, num_bytes):
        try:
            cores.run(self._compute, num_bytes, self.job)
        except StoppedError as error:
            self.error = error

    def _compute(self, num_threads):
        self.granted = num_threads
        self._began.set()
        self._end.wait(30)

    def began(self, timeout=30):
        return self._began.wait(timeout)

    def end(self):
        self._end.set()
        self.join()

    def join(self):
        self._thread.join(30)
        assert not self._thread.is_alive()


def waiting(cores, count):
    end = time.monotonic() + 30
    while len(cores._waiting) != count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_large_image_alone_gets_all_and_a_small_one_one(make_cores):
    for count in (1, 2, 3, 8):
        cores = make_cores(count)
        assert cores.run(lambda n: n, LARGE, Job()) == count
        assert cores.run(lambda n: n, SMALL, Job()) == 1
        assert cores.run(lambda n: n, 2 * BYTES_PER_CORE, Job()) == min(2, count)


def test_a_tiny_image_takes_no_turn(make_cores):
    cores = make_cores(1)
    held = Held(cores, LARGE)
    assert held.began()
    assert cores.run(lambda n: n, TINY, Job()) == 1
    held.end()


def test_the_result_and_the_error_are_the_work_s(make_cores):
    cores = make_cores(2)
    assert cores.run(lambda n: "done", LARGE, Job()) == "done"
    for size in (SMALL, LARGE):
        with pytest.raises(ZeroDivisionError):
            cores.run(lambda n: 1 / 0, size, Job())
    assert cores.run(lambda n: n, LARGE, Job()) == 2  # and nothing is lost


def test_who_waits_comes_in_order_and_shares_what_becomes_free(make_cores):
    cores = make_cores(4)
    first = Held(cores, LARGE)
    assert first.began()
    others = []
    for number in range(4):
        others.append(Held(cores, LARGE))
        waiting(cores, number + 1)
    late = Held(cores, LARGE)
    waiting(cores, 5)
    first.end()
    for other in others:
        assert other.began()
    assert [first.granted, *(other.granted for other in others)] == [4, 1, 1, 1, 1]
    assert not late.began(0.05)
    others[0].end()
    assert late.began()
    for held in (*others[1:], late):
        held.end()


def test_two_large_ones_of_those_that_wait_get_half_each(make_cores):
    cores = make_cores(8)
    first = Held(cores, LARGE)
    assert first.began()
    second = Held(cores, LARGE)
    waiting(cores, 1)
    third = Held(cores, LARGE)
    waiting(cores, 2)
    first.end()
    assert second.began()
    assert third.began()
    assert (second.granted, third.granted) == (4, 4)
    second.end()
    third.end()


def test_parallel_work_runs_on_the_lanes_and_other_work_where_it_is_called(make_cores):
    cores = make_cores(8)
    names = {cores.run(lambda n: threading.current_thread().name, LARGE, Job()) for _ in range(20)}
    assert names == {"imgsvc-lane_0"}
    here = threading.current_thread().name
    assert cores.run(lambda n: threading.current_thread().name, SMALL, Job()) == here


@pytest.mark.parametrize(("count", "widths"), [(1, []), (2, [2]), (3, [3]), (8, [8, 4, 2, 2])])
def test_lanes_are_at_most_half_the_cores_and_their_teams_bounded(make_cores, count, widths):
    assert [lane.width for lane in make_cores(count)._lanes] == widths


def test_a_small_grant_leaves_the_wide_lane_to_a_large_one(make_cores):
    cores = make_cores(8)
    second, others = Held(cores, 2 * BYTES_PER_CORE), [Held(cores, SMALL) for _ in range(2)]
    for held in (second, *others):
        assert held.began()
    large = Held(cores, LARGE)
    assert large.began()
    assert (second.granted, large.granted) == (2, 4)
    for held in (second, *others, large):
        held.end()
    assert [lane.width for lane in cores._free_lanes] == [2, 2, 4, 8]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_grants_never_pass_the_budget(make_cores, count):
    cores = make_cores(count)
    lock = threading.Lock()
    used, most, on_lanes = 0, 0, set()

    def compute(num_threads):
        nonlocal used, most
        with lock:
            used += num_threads
            most = max(most, used)
            if num_threads > 1:
                on_lanes.add(threading.current_thread().name)
        time.sleep(0.0002)
        with lock:
            used -= num_threads

    def one(number):
        job = Job(0.005 if number % 5 == 0 else None)
        if number % 7 == 0:
            threading.Timer(0.001, job.cancel).start()
        with contextlib.suppress(StoppedError):
            cores.run(compute, (SMALL, 3 * BYTES_PER_CORE, LARGE)[number % 3], job)

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(one, range(2000)))
    assert used == 0
    assert most == count
    assert len(on_lanes) <= count // 2
    assert cores.run(lambda n: n, LARGE, Job()) == count


class TestEndWhileWaiting:
    def test_cancelled(self, make_cores):
        cores = make_cores(1)
        first = Held(cores, LARGE)
        assert first.began()
        second, third = Held(cores, LARGE), Held(cores, SMALL)
        waiting(cores, 2)
        second.job.cancel()
        second.join()
        assert second.error.cancelled
        assert second.granted is None
        first.end()
        assert third.began()
        third.end()

    def test_past_its_deadline(self, make_cores):
        cores = make_cores(1)
        first = Held(cores, LARGE)
        assert first.began()
        second = Held(cores, LARGE, Job(0.02))
        second.join()
        assert not second.error.cancelled
        assert second.granted is None
        first.end()
        assert cores.run(lambda n: n, LARGE, Job()) == 1

    def test_cancelled_before_and_after(self, make_cores):
        cores = make_cores(2)
        job = Job()
        job.cancel()
        assert cores.run(lambda n: job.stop.cancelled, LARGE, job)  # its kernels stop, whatever they do
        job.cancel()
        job.cancel()


def test_core_seconds_count_every_granted_core(make_cores):
    cores = make_cores(4)
    job = Job()
    cores.run(lambda n: time.sleep(0.05), LARGE, job)
    assert job.core_seconds >= 4 * 0.05
    cores.run(lambda n: time.sleep(0.05), SMALL, job)
    assert job.core_seconds >= 5 * 0.05
    assert cores.core_seconds == job.core_seconds
    assert cores.wasted_core_seconds == 0
    cores.note_waste(job)
    cores.note_waste(job)  # by who ends the call, and by who works on it
    assert cores.wasted_core_seconds == job.core_seconds
    cores.run(lambda n: time.sleep(0.01), SMALL, job)
    cores.note_waste(job)
    assert cores.wasted_core_seconds == pytest.approx(job.core_seconds)
