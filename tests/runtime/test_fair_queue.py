"""Whose turn is next, and how cores are shared among callers, and between short and long work."""

import pytest

from imgsvc.runtime import fair_queue
from imgsvc.runtime.cores import Cores, Job
from imgsvc.runtime.fair_queue import FairQueue, Kind, Shares
from tests.runtime.test_cores import LARGE, SMALL, Held, waiting

SHORT, LONG, BATCH = Kind(), Kind(long=True), Kind(batch=True)


def drained(queue, cost=lambda item: 1.0, **kwargs):
    """Take everything, each of which costs what it says, and return it in order."""
    order = []
    while (item := queue.take(**kwargs)) is not None:
        order.append(item)
        caller, kind = item[:2]
        queue.charge(caller, kind, cost(item))
    return order


def filled(*items):
    queue = FairQueue()
    for item in items:
        queue.put(item, *item[:2])
    return queue


class TestFairQueue:
    def test_one_caller_s_are_in_order(self):
        items = [("a", SHORT, number) for number in range(5)]
        assert drained(filled(*items)) == items

    def test_callers_take_turns_whatever_they_send(self):
        flood = [("a", SHORT, number) for number in range(8)]
        others = [("b", SHORT, 0), ("b", SHORT, 1), ("c", SHORT, 0)]
        order = [item[0] for item in drained(filled(*flood, *others))]
        assert order == ["a", "b", "c", "a", "b", "a", "a", "a", "a", "a", "a"]

    def test_shares_are_of_time_and_not_of_turns(self):
        items = [(caller, SHORT, number) for number in range(40) for caller in "ab"]
        order = drained(filled(*items), cost=lambda item: 4.0 if item[0] == "a" else 1.0)
        first = [item[0] for item in order[:30]]
        assert 3 <= first.count("b") / first.count("a") <= 5

    def test_a_caller_s_batch_leaves_room_for_its_single_calls(self):
        items = [("a", BATCH, number) for number in range(8)] + [("a", SHORT, 0)]
        assert drained(filled(*items)).index(("a", SHORT, 0)) <= 1

    def test_who_comes_back_after_a_pause_has_saved_nothing(self):
        queue = filled(*[("a", SHORT, number) for number in range(10)])
        queue.put(("b", SHORT, 0), "b", SHORT)
        assert [item[0] for item in drained(queue)].count("a") == 10
        items = [(caller, SHORT, number) for number in range(6) for caller in "ab"]
        for item in items:
            queue.put(item, *item[:2])
        first = [item[0] for item in drained(queue)][:6]
        assert first.count("a") == first.count("b") == 3

    def test_long_ones_can_be_left_out(self):
        items = [("a", LONG, 0), ("b", SHORT, 0), ("a", SHORT, 1)]
        queue = filled(*items)
        assert {item[1] for item in drained(queue, with_long=False)} == {SHORT}
        assert len(queue) == 1
        assert drained(queue) == [("a", LONG, 0)]

    def test_what_is_removed_comes_no_more(self):
        queue = filled(("a", SHORT, 0), ("a", SHORT, 1))
        queue.remove(("a", SHORT, 0), "a", SHORT)
        assert len(queue) == 1
        assert drained(queue) == [("a", SHORT, 1)]

    def test_strangers_do_not_add_up(self, monkeypatch):
        monkeypatch.setattr(fair_queue, "MAX_KNOWN", 10)
        queue, shares = FairQueue(), Shares()
        for number in range(1000):
            queue.put((str(number), SHORT, 0), str(number), SHORT)
            drained(queue)
            shares.charge(number, 1.0)
            shares.next([number])
        assert len(queue._kinds) <= 12
        assert len(shares._had) <= 12


@pytest.fixture
def make_cores():
    made = []

    def make(count):
        made.append(Cores(count))
        return made[-1]

    yield make
    for cores in made:
        cores.close()


def job(caller="", predicted=0.0, **kwargs):
    made = Job(flow=caller, **kwargs)
    made.predicted = predicted
    return made


class TestCores:
    def test_a_flood_leaves_others_a_turn(self, make_cores):
        cores = make_cores(1)
        running = Held(cores, SMALL, job("a"))
        assert running.began()
        flood = []
        for number in range(6):
            flood.append(Held(cores, SMALL, job("a")))
            waiting(cores, number + 1)
        other = Held(cores, SMALL, job("b"))
        waiting(cores, 7)
        running.end()
        for held in [*flood[:1], other]:  # at most one more of the flood comes before
            if other.began(0.2):
                break
            held.end()
        assert other.began()
        assert sum(held.granted is not None for held in flood) <= 1
        for held in (other, *flood):
            held.end()

    @pytest.mark.parametrize(("count", "granted"), [(1, 1), (2, 1), (8, 7)])
    def test_long_jobs_leave_the_last_core_to_short_ones(self, make_cores, count, granted):
        cores = make_cores(count)
        long = Held(cores, LARGE, job(predicted=2.0))
        assert long.began()
        assert (long.granted, cores.in_use) == (granted, granted)
        another = Held(cores, LARGE, job(predicted=2.0))
        waiting(cores, 1)
        if count > 1:
            assert cores.run(lambda n: n, SMALL, job()) == 1
        assert not another.began(0.05)
        long.end()
        assert another.began()
        another.end()
        assert cores.run(lambda n: n, LARGE, job()) == count

    def test_what_was_predicted_is_put_right(self, make_cores):
        cores = make_cores(1)
        running = Held(cores, SMALL)
        assert running.began()
        late = Held(cores, SMALL, job("a", predicted=100.0))
        waiting(cores, 1)
        running.end()
        assert late.began()
        assert cores._waiting._callers._had["a"] >= 100
        late.end()
        assert cores._waiting._callers._had["a"] < 50

    def test_waiting_is_counted(self, make_cores):
        cores = make_cores(1)
        running = Held(cores, SMALL)
        assert running.began()
        assert (cores.in_use, cores.waiting) == (1, 0)
        late = Held(cores, SMALL, job("b"))
        waiting(cores, 1)
        assert cores.waiting == 1
        late.job.cancel()
        late.join()
        assert cores.waiting == 0
        running.end()
