"""Reading the one message of a unary call, against a timer.

A synchronous gRPC server reads a unary request on a pool thread and only returns when it is complete. A few
calls that send headers and no body would hold every thread. So the methods are registered as ones that take
a stream, which is the same on the wire, and this module reads one message from it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc

from imgsvc.server.refusals import IncompleteBody, NoMessage
from imgsvc.server.timer import Timed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgsvc.server.timer import CallTimer

__all__ = ["BodyReader"]


class BodyReader:
    """Reads bodies that must be there `timeout` seconds after their headers."""

    def __init__(self, timer: CallTimer, timeout: float) -> None:
        self._timer = timer
        self._timeout = timeout
        self._details = f"body: incomplete after {timeout:g} s, expected in full by then"

    def watch(self, context: grpc.ServicerContext, since: float) -> Timed:
        """Return a call's timer, which runs; whoever gets it stops it in the end.

        Parameters
        ----------
        since
            When its headers came, on the monotonic clock: a call that has waited for a thread for as long as
            its body may take gets no more time.
        """
        timed = Timed(context, since + self._timeout, self._details)
        self._timer.start(timed)
        return timed

    def read_one(
        self,
        messages: Iterator[bytes],
        timed: Timed,
        method: str,
    ) -> bytes:
        """Return the message of a call, and pause its timer.

        Parameters
        ----------
        messages, timed, method
            The call.

        Raises
        ------
        IncompleteBody
            It did not arrive in time, or never will.
        NoMessage
            There is none. Of several the first counts and the others are not read, as in gRPC's own unary
            methods: looking for a second one is a round trip between two threads.
        """
        if timed.end <= time.monotonic():
            raise IncompleteBody(grpc.StatusCode.DEADLINE_EXCEEDED, timed.details)
        message, broken = None, False
        try:
            message = next(messages, None)
            if message is None:
                # News of a cancellation may come after the empty message that goes with it.
                next(messages, None)
        except grpc.RpcError as error:
            error.__traceback__ = None  # gRPC's state of the call keeps the error, and its frames that state
            broken = True
        timed.pause()
        if timed.expired:
            raise IncompleteBody(timed.code, timed.details)
        if broken:  # gRPC does not tell which
            details = "cancelled, or over the message limit, which gRPC answers with RESOURCE_EXHAUSTED"
            raise IncompleteBody(grpc.StatusCode.CANCELLED, details)
        if message is None:
            raise NoMessage(method)
        return message
