"""Ends calls that take too long to send their body, or to take their answer."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgsvc.server.refusals import Refusal

__all__ = ["CallTimer", "Timed"]

MAX_TICK = 0.25


class Timed:
    """A call that must have got somewhere by `end`, on the monotonic clock, and what it is told otherwise."""

    def __init__(self, context: grpc.ServicerContext, end: float, details: str) -> None:
        self.context = context
        self.end = end
        self.details = details
        self.code = grpc.StatusCode.DEADLINE_EXCEEDED
        self.expired = False

    def pause(self) -> None:
        """Let it take its time until `resume`."""
        self.end = math.inf

    def resume(self, end: float, details: str) -> None:
        """Watch it for something else."""
        self.details = details
        self.end = end

    def expire(self, details: str, code: grpc.StatusCode = grpc.StatusCode.DEADLINE_EXCEEDED) -> None:
        """End the call, before its time."""
        self.expired = True
        self.details = details
        self.code = code
        end_call(self.context, code, details)

    def late(self) -> None:
        """Do what is due when its time is over; this runs on the timer's thread, and waits for nothing."""
        self.expire(self.details)


class CallTimer:
    """One thread watches all calls and ends late ones."""

    def __init__(self, tick: float = MAX_TICK) -> None:
        self._tick = min(tick, MAX_TICK)
        self._watched: set[Timed] = set()
        self._refusal: Refusal | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imgsvc-timer", daemon=True)
        self._thread.start()

    def start(self, timed: Timed) -> None:
        """Watch a call from now on."""
        with self._lock:
            self._watched.add(timed)
            refusal = self._refusal
        if refusal is not None:
            timed.expire(str(refusal), refusal.code)

    def stop(self, timed: Timed) -> None:
        """Watch it no longer; `timed.expired` says whether it was ended."""
        with self._lock:
            self._watched.discard(timed)

    def end_all(self, refusal: Refusal) -> None:
        """End all calls that it watches, and each one that it is to watch."""
        with self._lock:
            self._refusal = refusal
            watched = list(self._watched)
        for timed in watched:
            timed.expire(str(refusal), refusal.code)

    def close(self) -> None:
        """End the watching thread."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(self._tick):
            for timed in self._late():
                timed.late()

    def _late(self) -> Iterator[Timed]:
        now = time.monotonic()
        with self._lock:
            late = [timed for timed in self._watched if timed.end <= now and not timed.expired]
            for timed in late:
                timed.expired = True
        return iter(late)


def end_call(context: grpc.ServicerContext, code: grpc.StatusCode, details: str) -> None:
    """End a call whose handler is blocked in gRPC, with a status of our choice where grpcio can.

    grpcio's public `context.cancel()` always answers CANCELLED. The call object below it takes a status.
    """
    try:
        call = context._rpc_event.call  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        call.cancel(code.value[0], details)
    except (AttributeError, TypeError):
        context.cancel()
