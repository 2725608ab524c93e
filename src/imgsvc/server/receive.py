"""Reading the one message of a unary call, against a timer.

A synchronous gRPC server reads a unary request on a pool thread and only returns when it is complete. A few
calls that send headers and no body would hold every thread. So the methods are registered as ones that take
a stream, which is the same on the wire, and this module reads exactly one message from it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import grpc

from imgsvc.server.refusals import IncompleteBody, WrongCount

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Reading:
    """A call whose body is being read."""

    def __init__(self, context: grpc.ServicerContext, end: float) -> None:
        self.context = context
        self.end = end
        self.expired = False


class BodyTimer:
    """Ends calls whose body has not arrived in time; one thread watches them all."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._details = f"body: incomplete after {timeout:g} s, expected in full by then"
        self._readings: set[_Reading] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imgsvc-body-timer", daemon=True)
        self._thread.start()

    def read_one(self, messages: Iterator[bytes], context: grpc.ServicerContext, method: str) -> bytes:
        """Return the only message of a call.

        Raises
        ------
        IncompleteBody
            It did not arrive in time, or never will.
        WrongCount
            There is none, or more than one.
        """
        reading = _Reading(context, time.monotonic() + self._timeout)
        with self._lock:
            self._readings.add(reading)
        message, several, broken = None, False, False
        try:
            message = next(messages, None)
            # A second look: for a second message, or, where there was none, for the news of a cancellation,
            # which gRPC may deliver after the empty message that goes with it.
            several = next(messages, None) is not None
        except grpc.RpcError:
            broken = True
        with self._lock:
            self._readings.discard(reading)
        if reading.expired:
            raise IncompleteBody(grpc.StatusCode.DEADLINE_EXCEEDED, self._details)
        if broken:  # gRPC does not tell which
            raise IncompleteBody(grpc.StatusCode.CANCELLED, "cancelled, or over the message limit")
        if message is None or several:
            raise WrongCount(method, "several messages" if several else "no message")
        return message

    def close(self) -> None:
        """End the watching thread."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(min(0.25, self._timeout / 4)):
            now = time.monotonic()
            with self._lock:
                for reading in self._readings:
                    if reading.end <= now and not reading.expired:
                        reading.expired = True
                        end_call(reading.context, grpc.StatusCode.DEADLINE_EXCEEDED, self._details)


def end_call(context: grpc.ServicerContext, code: grpc.StatusCode, details: str) -> None:
    """End a call whose handler is blocked in reading, with a status of our choice where grpcio can.

    grpcio's public `context.cancel()` always answers CANCELLED. The call object below it takes a status.
    """
    try:
        call = context._rpc_event.call  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        call.cancel(code.value[0], details)
    except (AttributeError, TypeError):
        context.cancel()
