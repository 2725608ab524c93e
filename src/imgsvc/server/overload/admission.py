"""How many image calls, and how many of their bytes, the server holds at a time.

A call enters on gRPC's serving thread, when its headers have come and none of its body has been read. It
leaves when both its handler has returned and gRPC has finished the RPC: until then a slow reader's answer,
or the kernel of a call that was cancelled, takes room.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from imgsvc.errors import LimitExceededError, OverloadedError
from imgsvc.server.overload.backlog import spread
from imgsvc.server.overload.share import Share
from imgsvc.server.refusals import ShuttingDown

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.callers.account import Account

LOOK_SECONDS = 0.1
"""Between two looks at whether somebody who waits for bytes is still there."""


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
        Of the calls, what each caller has.
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
        self._open = True
        self._quiet_since: float | None = time.monotonic()
        self._changed = threading.Condition()

    def enter(self, holders: int = 2) -> Entry:
        """Take a call in, which is gone when so many have released it: its handler, and its RPC.

        Raises
        ------
        OverloadedError
            There are as many calls, or bytes, as may be.
        ShuttingDown
            `close` has been called.
        """
        with self._changed:
            if not self._open:
                raise ShuttingDown
            if self._calls >= self._max_calls:
                raise OverloadedError("calls in flight", self._calls + 1, self._max_calls)
            if self._bytes >= self._max_bytes:
                raise OverloadedError("bytes in flight", self._bytes, self._max_bytes)
            self._calls += 1
            self._quiet_since = None
        return Entry(self, holders)

    def add_bytes(self, count: int, gone: Callable[[], bool] = bool, share: int = 1) -> bool:
        """Count bytes when they fit into a share of all, soon; return False if `gone` says so before.

        Raises
        ------
        LimitExceededError
            They never will fit.
        OverloadedError
            They do not fit now.
        """
        limit = self._limit(count, share)
        with self._changed:
            if self._bytes + count > limit and not self._wait_for_room(count, limit, gone):
                return False
            self._bytes += count
            return True

    def _wait_for_room(self, count: int, limit: int, gone: Callable[[], bool]) -> bool:
        end = time.monotonic() + self._wait_seconds if self._may_wait else 0.0
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

    def return_bytes(self, count: int) -> None:
        """Count so many bytes less."""
        with self._changed:
            self._bytes -= count
            self._changed.notify_all()

    def wait_for_bytes(self, count: int, gone: Callable[[], bool], share: int = 1) -> bool:
        """Count bytes when they fit into a share of all; return False if `gone` says so before.

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
            return True

    def _limit(self, count: int, share: int) -> int:
        """Return a share of all bytes, if so many can ever fit; no load is to blame where they cannot."""
        limit = self._max_bytes // share
        if count > limit:
            raise LimitExceededError("bytes in flight", count, limit, "bytes")
        return limit

    def leave(self) -> None:
        """Let a call out."""
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
        """Take no more calls."""
        with self._changed:
            self._open = False

    def wait_until_idle(self, timeout: float) -> int:
        """Wait for all calls to leave, and return how many have not after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._calls == 0, timeout)
            return self._calls


class Entry:
    """One call that has been let in, when that was, the bytes it holds, and whose it is, if that is known."""

    def __init__(self, admission: Admission, holders: int) -> None:
        self._admission = admission
        self._bytes = 0
        self._holders = holders
        self._caller: str | None = None
        self.account: Account | None = None
        self.since = time.monotonic()
        self._lock = threading.Lock()

    def belong_to(self, caller: str) -> None:
        """Count the call for a caller, once it is known.

        Raises
        ------
        OverloadedError
            That has as many as one may have.
        """
        self._admission.share.take(caller)
        self._caller = caller

    def hold(self, count: int, gone: Callable[[], bool] = bool, share: int = 1) -> bool:
        """Count `count` more bytes for this call; see `Admission.add_bytes`."""
        if not self._admission.add_bytes(count, gone, share):
            return False
        with self._lock:
            self._bytes += count
        return True

    def hold_when_possible(self, count: int, gone: Callable[[], bool], share: int = 1) -> bool:
        """Wait for room for `count` more bytes; see `Admission.wait_for_bytes`."""
        if not self._admission.wait_for_bytes(count, gone, share):
            return False
        with self._lock:
            self._bytes += count
        return True

    def give_back(self, count: int) -> None:
        """Count `count` bytes less."""
        with self._lock:
            self._bytes -= count
        self._admission.return_bytes(count)

    def keep(self, count: int) -> None:
        """Give back what it holds beyond `count` bytes."""
        with self._lock:
            over = max(self._bytes - count, 0)
            self._bytes -= over
        if over:
            self._admission.return_bytes(over)

    def release(self) -> bool:
        """Note that one of its holders has ended; return whether it was the last, and the call is gone."""
        with self._lock:
            self._holders -= 1
            if self._holders:
                return False
        if self._bytes:
            self._admission.return_bytes(self._bytes)
        if self._caller is not None:
            self._admission.share.give_back(self._caller)
        self._admission.leave()
        if self.account is not None:
            self.account.leave()
        return True
