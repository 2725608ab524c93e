"""Results in this process: never more bytes than given; the least recently used go first, and the old."""

import sys
import threading
import tracemalloc

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from imgsvc.cache.memory import ENTRY_BYTES, LARGEST_SHARE, MemoryStore

KIB = 1 << 10


def store(capacity=100 * KIB, ttl=10.0, clock=lambda: 0.0):
    return MemoryStore(capacity, ttl, clock)


def fitting(count, capacity=100 * KIB):
    """Return a message of which that many fit."""
    return bytes(capacity // count - ENTRY_BYTES - sys.getsizeof(b""))


def test_a_message_is_found_again_and_is_the_same_object():
    kept, message = store(), bytes(1000)
    kept.put(b"key", message)
    assert kept.get(b"key") is message
    assert kept.peek(b"key") is message
    assert kept.get(b"other") is None


def test_the_least_recently_used_goes_first():
    kept, message = store(), fitting(10)
    for number in range(10):
        kept.put(b"%d" % number, message)
    assert kept.get(b"0") is message
    kept.put(b"new", message)
    assert [key for key in (b"0", b"1", b"2", b"new") if kept.get(key)] == [b"0", b"2", b"new"]
    assert kept.counters() == {
        "stores": 11,
        "dropped": 0,
        "evictions": 1,
        "errors": 0,
        "bytes": kept.num_bytes,
        "entries": 10,
    }


def test_what_is_larger_than_its_share_is_not_kept_and_drives_nothing_out():
    kept = store()
    largest = fitting(LARGEST_SHARE)
    kept.put(b"largest", largest)
    kept.put(b"larger", largest + b"x")
    assert kept.get(b"largest") is largest
    assert kept.get(b"larger") is None
    assert (kept.stores, kept.dropped) == (1, 1)
    assert kept.fetch_seconds(len(largest) - 64) == 0
    assert kept.fetch_seconds(len(largest) + 64) == float("inf")


def test_nothing_is_found_or_takes_room_after_its_time():
    now = [0.0]
    kept = store(clock=lambda: now[0])
    kept.put(b"old", bytes(100))
    now[0] = 5.0
    kept.put(b"young", bytes(100))
    now[0] = 9.9
    assert kept.get(b"old") is not None
    now[0] = 10.0
    assert kept.get(b"old") is None
    assert kept.get(b"young") is not None
    assert len(kept) == 1
    now[0] = 15.0
    assert kept.get(b"anything") is None
    assert (len(kept), kept.num_bytes, kept.evictions) == (0, 0, 0)


def test_a_key_that_comes_again_replaces_what_was_there():
    kept = store()
    kept.put(b"key", bytes(100))
    kept.put(b"key", b"x" * 300)
    assert kept.get(b"key") == b"x" * 300
    assert kept.num_bytes == sys.getsizeof(bytes(300)) + ENTRY_BYTES


def test_closing_lets_everything_go():
    kept = store()
    kept.put(b"key", bytes(100))
    kept.close()
    assert (kept.get(b"key"), kept.num_bytes, len(kept)) == (None, 0, 0)


class Accounting(RuleBasedStateMachine):
    """Whatever happens in which order, the bytes are those of what is there, and within the limit."""

    CAPACITY = 64 * KIB
    TTL = 10

    def __init__(self):
        super().__init__()
        self.now = 0
        self.kept = MemoryStore(self.CAPACITY, self.TTL, lambda: self.now)
        self.model = {}  # least recently used first

    @rule(key=st.sampled_from(b"abcdefghijklmnop"), size=st.integers(0, CAPACITY // LARGEST_SHARE + 100))
    def put(self, key, size):
        key = bytes([key])
        cost = sys.getsizeof(bytes(size)) + ENTRY_BYTES
        self.kept.put(key, bytes(size))
        if cost > self.CAPACITY // LARGEST_SHARE:
            return
        self.expire()
        self.model.pop(key, None)
        while sum(cost for _, cost, _ in self.model.values()) + cost > self.CAPACITY:
            del self.model[next(iter(self.model))]
        self.model[key] = size, cost, self.now + self.TTL

    @rule(key=st.sampled_from(b"abcdefghijklmnop"))
    def get(self, key):
        key = bytes([key])
        found = self.kept.get(key)
        self.expire()
        expected = self.model.pop(key, None)
        if expected:
            self.model[key] = expected
        assert (found is None) == (expected is None)
        assert found is None or len(found) == expected[0]

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds):
        self.now += seconds

    def expire(self):
        self.model = {key: each for key, each in self.model.items() if each[2] > self.now}

    @invariant()
    def the_bytes_are_those_of_what_is_there(self):
        self.kept.get(b"none")  # lets what is old go
        self.expire()
        assert self.kept.num_bytes == sum(cost for _, cost, _ in self.model.values()) <= self.CAPACITY
        assert len(self.kept) == len(self.model)


TestAccounting = Accounting.TestCase


@pytest.mark.parametrize("count", [1, 100, 1367, 5000])
def test_an_entry_takes_no_more_memory_than_is_counted_for_it(count):
    kept = MemoryStore(1 << 40, 10)
    messages = [bytes(100)] * count
    tracemalloc.start()
    try:
        for number, message in enumerate(messages):
            kept.put(number.to_bytes(32, "little"), message)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    own = kept.num_bytes - count * sys.getsizeof(messages[0])
    assert peak <= own + 1000


def test_many_threads_leave_it_as_it_should_be():
    kept = store(capacity=20 * KIB)
    sizes = []

    def use(seed):
        for step in range(500):
            key = bytes([(seed * step) % 50])
            if kept.get(key) is None:
                kept.put(key, key * (step % 900))
            sizes.append(kept.num_bytes)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(sizes) <= 20 * KIB
    assert kept.num_bytes == sum(each.size for each in kept._kept.values())
    assert kept._kept.keys() == kept._ages.keys()
