"""Concurrency limiter: which calls the server takes on, what each of them costs, and who gets cores.

A call asks three times, each time when more is known of it: `check` at its headers, `try_acquire` when its
body is there, `charge` when it is planned. What it has got is given back by `done`, when nothing is computed
for it any more, and by `release`, when it is over: its client has its answer, or has gone. Until then a slow
reader's answer, or the kernel of a call that was cancelled, takes room.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from imgsvc.errors import LimitExceededError, OverloadedError, StoppedError
from imgsvc.runtime.cores import Cores
from imgsvc.runtime.fair_pool import blocking
from imgsvc.server.call import QUEUE
from imgsvc.server.overload.backlog import NEGLIGIBLE_SECONDS, Backlog, spread
from imgsvc.server.overload.congestion import Congestion
from imgsvc.server.refusals import Abandoned, ShuttingDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.call import Call, Work
    from imgsvc.server.overload.price import Price

__all__ = ["Limiter", "share_of", "work_limit"]

NOTED_SECONDS = 1e-3
"""A wait for room: below that nobody waited."""

LOOK_SECONDS = 0.1
"""Between two looks at whether somebody who waits for bytes is still there."""

BODIES = 2
"""Of all bytes requests have one part in so many, or there would be no room for answers."""

LARGE_BYTES, SPARED = 64 << 20, 16
"""Work that takes more than that leaves one part in so many to the others, or it would keep them all out."""


def work_limit(max_bytes: int, count: int) -> int:
    """Return how many bytes there may be at most with those of work that takes so many."""
    return max_bytes - (max_bytes // SPARED if count > LARGE_BYTES else 0)


def share_of(limit: int) -> int:
    """Return how many of something one caller may have: three quarters, and of three or fewer all."""
    return limit - limit // 4


class Limiter:
    """Permits, bytes, cores, and estimates of how long one would wait for them, under one lock.

    Parameters
    ----------
    max_calls, max_bytes
        In flight.
    cores
        To compute on.
    max_queue_seconds
        How long a call may wait.
    max_waiting
        How many may wait for bytes at a time, who hold a thread meanwhile.

    Attributes
    ----------
    num_calls, num_bytes : int
        In flight.
    cores : Cores
        Shares them.
    """

    def __init__(
        self, *, max_calls: int, max_bytes: int, cores: int, max_queue_seconds: float, max_waiting: int = 0
    ) -> None:
        self.num_calls = self.num_bytes = self._body_bytes = 0
        self.cores = Cores(cores)
        self.backlog = Backlog(cores, max_queue_seconds)
        self.congestion = Congestion(cores, max_queue_seconds)
        self._max_calls = max_calls
        self._calls_each = share_of(max_calls)
        self._max_bytes = max_bytes
        self._wait_seconds = max_queue_seconds
        self._may_wait = max_waiting
        self._closed_at = math.inf
        self._quiet_since: float | None = time.monotonic()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)

    # What a call goes through.

    def check(self, call: Call) -> None:
        """Raise what `try_acquire` would now: at the headers, before anything of the body is read."""
        self._check(call)
        if self.congestion.busy:
            with self._lock:
                self.congestion.check(call.flow, call.remaining)

    def try_acquire(self, call: Call, num_bytes: int = 0) -> None:
        """Give a call a permit, until `release`, and let it wait for its work until `done`.

        The bytes of its request are counted if there is room for them; if not, `hold_body` waits for that.

        Raises
        ------
        OverloadedError, OverQuota
            There are as many calls or bytes as may be, or as its caller may have; or it would wait too long.
        ShuttingDown
            Its headers came after `close`.
        """
        with self._lock:
            self._check(call)
            self.congestion.enter(call.flow, call.remaining if self.congestion.busy else math.inf)
            call.flow.calls += 1
            self.num_calls += 1
            self._quiet_since = None
            if self._lacking(num_bytes, is_body=True) is None:
                self._take(call, num_bytes, is_body=True)

    def try_acquire_stream(self, call: Call) -> None:
        """Give a stream a permit: its items wait, each for itself; raises as `try_acquire`."""
        with self._lock:
            self._check(call)
            call.flow.calls += 1
            self.num_calls += 1
            self._quiet_since = None

    def hold_body(self, call: Call, num_bytes: int) -> None:
        """Count the bytes of a request, when there is room for them.

        Raises
        ------
        LimitExceededError
            There never is.
        OverloadedError
            There is none soon.
        StoppedError
            The call was over before.
        """
        self._hold(call, num_bytes, is_body=True)

    def charge(self, call: Call, price: Price) -> None:
        """Let a call take what it will: called once it is planned, before anything is allocated.

        Raises
        ------
        LimitExceededError
            It takes more bytes than there are.
        OverloadedError, OverQuota, TooLate
            There is no room for it now, or its caller has had too much, or it would take too long.
        StoppedError
            The call was over while it waited for room.
        """
        caller = call.flow
        if caller.entry is not None:
            caller.check_pixels()
        call.pixels = price.pixels
        call.predicted = price.core_seconds
        with self._lock:
            if price.core_seconds > NEGLIGIBLE_SECONDS:
                self.backlog.admit(call, call.waited)
            fits = self._lacking(price.num_bytes) is None
            if fits:
                self._take(call, price.num_bytes)
        if not fits:
            self._hold(call, price.num_bytes, beside=call.held_bodies)
        if caller.entry is not None:
            caller.spend(price.pixels)

    def done(self, call: Call, *, finished: bool) -> None:
        """Note that nothing is computed for a call any more; it keeps the bytes of its messages."""
        with self._lock:
            # Its client may take its time over the answer, and the work's bytes are free meanwhile.
            self._keep(call, call.request_bytes + call.answer_bytes)
            if call.counted:
                self.backlog.leave(call, finished=finished)
            self.congestion.leave(call.flow)

    def release(self, call: Work) -> None:
        """Take a call's permit back, and all that it holds."""
        with self._lock:
            self._keep(call, 0)
            call.flow.calls -= 1
            self.num_calls -= 1
            if not self.num_calls:
                self._quiet_since = time.monotonic()
                self._room.notify_all()

    # What the items of a stream hold, for its call.

    def hold_now(self, call: Work, count: int, *, is_body: bool = False) -> bool:
        """Count bytes for a call, of its work or of a request, if there is room; return whether there is.

        Raises
        ------
        LimitExceededError
            They never will.
        """
        self._check_size(count, is_body=is_body)
        with self._lock:
            if self._lacking(count, is_body=is_body) is not None:
                return False
            self._take(call, count, is_body=is_body)
            return True

    def hold_when_possible(
        self, call: Work, count: int, gone: Callable[[], bool], *, beside: int = 0
    ) -> bool:
        """Wait for room for the work of an item; return False if `gone` says so before.

        Parameters
        ----------
        beside
            What the item's own request has of the bytes, which stay where they are.

        Raises
        ------
        LimitExceededError
            There never is room.
        OverloadedError
            All that is held are requests, for as long as calls wait: nothing is computed that makes room.
        """
        self._check_size(count, is_body=False, beside=beside)
        moved = time.monotonic()
        while not self.hold_now(call, count):
            if gone():
                return False
            with self._room:
                self._room.wait(LOOK_SECONDS)
                now = time.monotonic()
                if self.num_bytes > self._body_bytes:
                    moved = now
                lacking = self._lacking(count)
            if lacking is not None and now - moved > self._wait_seconds:
                raise OverloadedError("bytes in flight", *lacking, spread(self._wait_seconds))
        return True

    def give_back(self, call: Work, count: int, *, is_body: bool = False) -> None:
        """Count so many bytes of a call less; of one that is over, which holds none, nothing."""
        with self._lock:
            if is_body:
                bodies = min(call.held_bodies, count)
                call.held_bodies -= bodies
                self._body_bytes -= bodies
            self._keep(call, max(0, call.held - count))

    def add(self, work: Work) -> None:
        """Count an item, which is waited for in any case, among what the cores will have to do."""
        if work.predicted > NEGLIGIBLE_SECONDS:
            with self._lock:
                self.backlog.add(work)

    def leave(self, work: Work, *, finished: bool) -> None:
        """Count it no more."""
        if work.counted:
            with self._lock:
                self.backlog.leave(work, finished=finished)

    # All calls.

    def quiet_since(self) -> float | None:
        """Return when the last call left, on the monotonic clock; None while there are calls."""
        with self._lock:
            return self._quiet_since

    def close(self) -> None:
        """Take no more calls but those whose headers have come."""
        self._closed_at = time.monotonic()

    def wait_until_idle(self, timeout: float) -> int:
        """Wait for all calls to be over, and return how many are not after `timeout` seconds."""
        with self._room:
            self._room.wait_for(lambda: self.num_calls == 0, timeout)
            return self.num_calls

    # With the lock held, but for `_check`, `_hold` and `_check_size`.

    def _check(self, call: Call) -> None:
        if self._closed_at <= call.begun:
            raise ShuttingDown
        if call.deadline <= time.monotonic():  # it has waited in gRPC, or in the system
            raise Abandoned(StoppedError(cancelled=False), 0.0)
        if self.num_calls >= self._max_calls:
            raise OverloadedError("calls in flight", self.num_calls + 1, self._max_calls)
        if self.num_bytes >= self._max_bytes:
            raise OverloadedError("bytes in flight", self.num_bytes, self._max_bytes)
        caller = call.flow
        if caller.calls >= self._calls_each:
            raise OverloadedError("calls in flight of a caller", caller.calls + 1, self._calls_each)
        if caller.entry is not None:
            caller.check_calls()

    def _take(self, call: Work, count: int, *, is_body: bool = False) -> None:
        self.num_bytes += count
        call.held += count
        if is_body:
            self._body_bytes += count
            call.held_bodies += count

    def _keep(self, call: Work, count: int) -> None:
        """Count what a call holds beyond `count` bytes less."""
        over = call.held - count
        if over > 0:
            call.held = count
            self.num_bytes -= over
            bodies = min(call.held_bodies, count)
            self._body_bytes -= call.held_bodies - bodies
            call.held_bodies = bodies
            self._room.notify_all()

    def _lacking(self, count: int, *, is_body: bool = False) -> tuple[int, int] | None:
        """Return how many bytes there would be, and may be, where that is too many."""
        if is_body and self._body_bytes + count > self._max_bytes // BODIES:
            return self._body_bytes + count, self._max_bytes // BODIES
        limit = self._max_bytes if is_body else work_limit(self._max_bytes, count)
        return (self.num_bytes + count, limit) if self.num_bytes + count > limit else None

    def _hold(self, call: Call, count: int, *, is_body: bool = False, beside: int = 0) -> None:
        """Wait for room for a moment where there is none; whoever has no thread for that is told at once."""
        start = time.monotonic()
        self._check_size(count, is_body=is_body, beside=beside)
        with self._room:
            if self._lacking(count, is_body=is_body) is not None:
                with blocking():
                    self._wait_for_room(call, count, is_body=is_body)
            self._take(call, count, is_body=is_body)
        end = time.monotonic()
        if end - start > NOTED_SECONDS:
            call.note(QUEUE, start, end)

    def _wait_for_room(self, call: Call, count: int, *, is_body: bool) -> None:
        """Wait for so many bytes to fit, with the lock held."""
        start = time.monotonic()
        end = start + self._wait_seconds if self._may_wait > 0 and call.watched else start
        self._may_wait -= 1
        try:
            while (lacking := self._lacking(count, is_body=is_body)) is not None:
                left = end - time.monotonic()
                if left <= 0:
                    raise OverloadedError("bytes in flight", *lacking, spread(self._wait_seconds))
                if call.over or call.stop.cancelled or call.remaining <= 0:
                    raise StoppedError(cancelled=call.stop.cancelled)
                self._room.wait(min(left, LOOK_SECONDS))
        finally:
            self._may_wait += 1

    def _check_size(self, count: int, *, is_body: bool, beside: int = 0) -> None:
        """Raise LimitExceededError where so many never fit: no load is to blame for that."""
        limit = self._max_bytes // BODIES if is_body else work_limit(self._max_bytes, count)
        if count + beside > limit:
            raise LimitExceededError("bytes in flight", count + beside, limit, "bytes")
