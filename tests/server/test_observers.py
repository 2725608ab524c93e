"""Records of calls on their way to those who look at them."""

import threading

import pytest

from imgsvc.server import observers as module
from imgsvc.server.call import Call, Work
from imgsvc.server.observers import Observers
from tests import rpc
from tests.processes import wait_for


class Seen:
    def __init__(self):
        self.records = []
        self.batches = 0
        self.closed = False

    def observe(self, records):
        self.batches += 1
        self.records += records

    def close(self):
        self.closed = True


class Hanging(Seen):
    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    def observe(self, records):
        self.go.wait()
        super().observe(records)


class Failing(Seen):
    def observe(self, records):
        super().observe(records)
        raise OSError("no space")


def test_records_are_seen_in_their_order_and_few_at_a_time_wake_the_thread_once():
    seen = Seen()
    observers = Observers([seen])
    records = [Work("/m") for _ in range(100)]
    for record in records:
        observers.finished(record)
    wait_for(lambda: len(seen.records) == 100)
    assert seen.records == records
    assert seen.batches < 20
    assert all(record.begun <= record.answered <= record.ended for record in records)
    observers.close()
    assert seen.closed
    assert not observers._thread.is_alive()


def test_what_has_gathered_is_seen_at_a_flush_and_at_the_end(monkeypatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 3600)
    seen = Seen()
    observers = Observers([seen])
    observers.finished(Work("/a"))
    observers.flush(20)
    assert [record.method for record in seen.records] == ["/a"]
    observers.finished(Work("/b"))
    observers.close()
    assert [record.method for record in seen.records] == ["/a", "/b"]


def test_an_observer_that_hangs_costs_records_and_not_memory(monkeypatch, caplog):
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.01)
    hanging = Hanging()
    observers = Observers([hanging])
    observers.finished(Work("/first"))
    wait_for(lambda: not observers._queue)
    for _ in range(5):
        observers.finished(Work("/m"))
    assert observers.dropped == 2
    observers.flush(timeout=0.01)
    observers.close()
    assert not hanging.closed
    hanging.go.set()
    wait_for(lambda: len(hanging.records) == 4)
    wait_for(lambda: "2 calls are neither logged nor counted: too many at a time" in caplog.text)


def test_a_flush_waits_no_longer_than_it_says_whoever_comes_first(monkeypatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 3600)
    hanging = Hanging()
    observers = Observers([hanging])
    observers.finished(Work("/m"))
    flush = threading.Thread(target=observers.flush, args=[0.01], daemon=True)
    flush.start()
    flush.join(20)
    assert not flush.is_alive()
    hanging.go.set()
    observers.close()
    assert len(hanging.records) == 1


def test_what_ends_after_the_last_look_is_shown_too(monkeypatch):
    seen = Seen()
    observers = Observers([seen])
    show = observers._show

    def show_and_end_another_call():
        show()
        if observers._closed.is_set() and not seen.records:
            observers.finished(Work("/late"))

    monkeypatch.setattr(observers, "_show", show_and_end_another_call)
    observers.close()
    assert [record.method for record in seen.records] == ["/late"]


def test_an_observer_that_fails_is_told_of_once_and_does_not_end_the_others(caplog):
    failing, seen = Failing(), Seen()
    observers = Observers([failing, seen])
    for number in range(3):
        observers.finished(Work("/m"))
        observers.flush(20)
        assert len(seen.records) == len(failing.records) == number + 1
    observers.close()
    assert caplog.text.count("Failing fails") == 1


@pytest.mark.parametrize("given", ["a", "7f3c-é ", "x" * 64])
def test_a_caller_names_its_call(given):
    assert Call(rpc.Headers(("user-agent", "x"), ("x-request-id", given))).id == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a\nb", "\x1b[2K", b"a"])
def test_a_name_that_would_be_trouble_in_a_log_is_replaced(given):
    record, other = Call(rpc.Headers(("x-request-id", given))), Call(rpc.Headers())
    assert record.id not in {given, other.id}
    assert len(record.id) == 17
    assert record.method == "/Service/Method"
