"""Concurrency limiter: which calls the server takes on, what each of them costs, and who gets cores.

A call asks three times, each time when more is known of it: `check` at its headers, `try_acquire` when its
body is there, `charge` when it is planned. What it got is taken back by `done` and `release`.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, TypeVar

from imgsvc.errors import StoppedError
from imgsvc.runtime.cores import Cores
from imgsvc.server.call import QUEUE
from imgsvc.server.overload.admission import Admission
from imgsvc.server.overload.backlog import Backlog
from imgsvc.server.overload.congestion import Congestion

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.config import ServerConfig
    from imgsvc.server.call import Call, Work
    from imgsvc.server.overload.price import Price

__all__ = ["NOTED_SECONDS", "Limiter"]

T = TypeVar("T")

NOTED_SECONDS = 1e-3
"""A wait for room: below that nobody waited."""


class Limiter:
    """Permits, bytes, cores, and estimates of how long one would wait for them.

    Parameters
    ----------
    config
        The server's.
    """

    def __init__(self, config: ServerConfig) -> None:
        self.admission = Admission(
            config.max_calls,
            config.byte_budget,
            wait_seconds=config.max_queue_seconds,
            max_waiting=config.num_workers // 2,
        )
        self.cores = Cores(config.num_cores)
        self.backlog = Backlog(config.num_cores, config.max_queue_seconds)
        self.congestion = Congestion(config.num_cores, config.max_queue_seconds)

    def check(self, call: Call) -> None:
        """Raise what `try_acquire` would now: at the headers, before anything of the body is read."""
        self.admission.check(call)
        self.congestion.check(call.flow, call.remaining)

    def try_acquire(self, call: Call) -> None:
        """Give a call a permit, until `release`, and let it wait for its work until `done`.

        Raises
        ------
        OverloadedError, Refusal
            It gets none.
        """
        self.admission.enter(call)
        try:
            self.congestion.enter(call.flow, call.remaining)
        except BaseException:
            self.admission.leave(call)
            raise

    def hold_body(self, call: Call, num_bytes: int) -> None:
        """Count the bytes of a request, of which there is half of all, so that there is room for answers.

        Raises
        ------
        OverloadedError
            They do not fit now.
        StoppedError
            The call was over before.
        """
        self._hold(call, num_bytes, share=2)

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
        account = call.account
        if account is not None:
            account.check_pixels()
        call.pixels = price.pixels
        call.predicted = price.core_seconds
        self.backlog.admit(call, call.waited if call.stages else 0.0)
        self._hold(call, price.num_bytes)
        if account is not None:
            account.spend(price.pixels)

    def compute(self, work: Work, function: Callable[[int], T], num_bytes: int, most: int | None = None) -> T:
        """Return what `function` does with the threads that it is granted; see `Cores.run`."""
        return self.cores.run(function, num_bytes, work, most)

    def done(self, call: Call, *, finished: bool) -> None:
        """Note that nothing is computed for a call any more; it keeps the bytes of its messages."""
        # Its client may take its time over the answer, and the work's bytes are free meanwhile.
        self.admission.keep(call, call.request_bytes + call.answer_bytes)
        self.backlog.leave(call, finished=finished)
        self.congestion.leave(call.flow)

    def release(self, call: Work) -> None:
        """Take a call's permit back, and all that it holds."""
        self.admission.leave(call)

    def _hold(self, call: Call, num_bytes: int, share: int = 1) -> None:
        start = time.monotonic()
        held = self.admission.hold(call, num_bytes, lambda: _is_over(call), share, wait=call.watched)
        end = time.monotonic()
        if end - start > NOTED_SECONDS:
            call.note(QUEUE, start, end)
        if not held:
            raise StoppedError(cancelled=call.stop.cancelled)


def _is_over(call: Call) -> bool:
    return call.over or call.stop.cancelled or (call.rpc.deadline != math.inf and call.remaining <= 0)
