"""How many image calls, and how many of their bytes, the server holds at a time.

A call has its permit from when its body is there until it is over: both its work is done, and its client has
its answer, or has gone. Until then a slow reader's answer, or the kernel of a call that was cancelled, takes
room. Bodies that are on their way are counted elsewhere (`imgsvc.server.bodies`).
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from imgsvc.errors import LimitExceededError, OverloadedError
from imgsvc.server.overload.backlog import spread
from imgsvc.server.overload.share import Share
from imgsvc.server.refusals import ShuttingDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.call import Work

LOOK_SECONDS = 0.1
"""Between two looks at whether somebody who waits for bytes is still there."""


def _never() -> bool:
    return False


class Admission:
    """Counts calls and bytes in flight, and refuses what does not fit.

    Parameters
    ----------
    max_calls, max_bytes
        How many there may be.
    wait_seconds
        How long those who hold a thread may wait for bytes.
    max_waiting
        How many of them may wait at a time: the other threads are for calls that fit.

    Attributes
    ----------
    share : Share
        Of the calls, what each flow has.
    """

    def __init__(
        self, max_calls: int, max_bytes: int, wait_seconds: float = 0.0, max_waiting: int = 0
    ) -> None:
        self._wait_seconds = wait_seconds
        self._may_wait = max_waiting
        self._max_calls = max_calls
        self.share = Share("calls in flight", max_calls)
        self._max_bytes = max_bytes
        self._calls = 0
        self._bytes = 0
        self._closed_at = math.inf
        self._quiet_since: float | None = time.monotonic()
        self._changed = threading.Condition()

    def check(self, call: Work) -> None:
        """Raise what `enter` would now, and count nothing."""
        if self._closed_at <= call.begun:
            raise ShuttingDown
        if self._calls >= self._max_calls:
            raise OverloadedError("calls in flight", self._calls + 1, self._max_calls)
        if self._bytes >= self._max_bytes:
            raise OverloadedError("bytes in flight", self._bytes, self._max_bytes)
        self.share.check(call.flow)
        if call.account is not None:
            call.account.check_calls()

    def enter(self, call: Work) -> None:
        """Give a call its permit, until `leave`.

        Raises
        ------
        OverloadedError, OverQuota
            There are as many calls, or bytes, as may be, or as its caller may have.
        ShuttingDown
            `close` has been called.
        """
        with self._changed:
            self.check(call)
            self._calls += 1
            self._quiet_since = None
        try:
            self.share.take(call.flow)
        except OverloadedError:
            self._leave()
            raise
        if call.account is not None:
            try:
                call.account.enter()
            except Exception:
                self.share.give_back(call.flow)
                self._leave()
                raise

    def leave(self, call: Work) -> None:
        """Take the permit back, and all bytes."""
        self.keep(call, 0)
        self.share.give_back(call.flow)
        if call.account is not None:
            call.account.leave()
        self._leave()

    def hold(
        self,
        call: Work,
        count: int,
        gone: Callable[[], bool] = _never,
        share: int = 1,
        *,
        wait: bool = True,
    ) -> bool:
        """Count bytes for a call when they fit into a share of all, soon; return False if `gone` before.

        Whoever may not `wait` is told at once.

        Raises
        ------
        LimitExceededError
            They never will fit.
        OverloadedError
            They do not fit now.
        """
        limit = self._limit(count, share)
        with self._changed:
            if self._bytes + count > limit and not self._wait_for_room(count, limit, gone, wait=wait):
                return False
            self._bytes += count
            call.held += count
            return True

    def hold_when_possible(self, call: Work, count: int, gone: Callable[[], bool], share: int = 1) -> bool:
        """Wait for room for so many bytes in a share of all; return False if `gone` says so before.

        Raises
        ------
        LimitExceededError
            They never will fit.
        """
        limit = self._limit(count, share)
        with self._changed:
            while self._bytes + count > limit:
                if gone():
                    return False
                self._changed.wait(LOOK_SECONDS)
            self._bytes += count
            call.held += count
            return True

    def hold_now(self, call: Work, count: int, share: int = 1) -> bool:
        """Count bytes for a call if they fit into a share of all; return whether they do.

        Raises
        ------
        LimitExceededError
            They never will.
        """
        limit = self._limit(count, share)
        with self._changed:
            if self._bytes + count > limit:
                return False
            self._bytes += count
            call.held += count
            return True

    def give_back(self, call: Work, count: int) -> None:
        """Count so many bytes of a call less."""
        with self._changed:
            call.held -= count
            self._bytes -= count
            self._changed.notify_all()

    def keep(self, call: Work, count: int) -> None:
        """Count what a call holds beyond `count` bytes less."""
        with self._changed:
            over = call.held - count
            if over > 0:
                call.held = count
                self._bytes -= over
                self._changed.notify_all()

    def _wait_for_room(self, count: int, limit: int, gone: Callable[[], bool], *, wait: bool) -> bool:
        end = time.monotonic() + self._wait_seconds if self._may_wait and wait else 0.0
        self._may_wait -= 1
        try:
            while self._bytes + count > limit:
                left = end - time.monotonic()
                if left <= 0:
                    retry_after = spread(self._wait_seconds)
                    raise OverloadedError("bytes in flight", self._bytes + count, limit, retry_after)
                if gone():
                    return False
                self._changed.wait(min(left, LOOK_SECONDS))
        finally:
            self._may_wait += 1
        return True

    def _limit(self, count: int, share: int) -> int:
        """Return a share of all bytes, if so many can ever fit; no load is to blame where they cannot."""
        limit = self._max_bytes // share
        if count > limit:
            raise LimitExceededError("bytes in flight", count, limit, "bytes")
        return limit

    def _leave(self) -> None:
        with self._changed:
            self._calls -= 1
            if not self._calls:
                self._quiet_since = time.monotonic()
                self._changed.notify_all()

    @property
    def num_calls(self) -> int:
        """Calls in flight."""
        return self._calls

    @property
    def num_bytes(self) -> int:
        """Bytes in flight."""
        return self._bytes

    def quiet_since(self) -> float | None:
        """Return when the last call left, on the monotonic clock; None while there are calls."""
        with self._changed:
            return self._quiet_since

    def close(self) -> None:
        """Take no more calls but those whose headers have come."""
        with self._changed:
            self._closed_at = time.monotonic()

    def wait_until_idle(self, timeout: float) -> int:
        """Wait for all calls to leave, and return how many have not after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls == 0, timeout)
            return self._calls
