"""Open calls: every RPC that the server has, how it is ended, and when it is too late for it."""

from __future__ import annotations

import functools
import logging
import math
import time
from typing import TYPE_CHECKING

from imgsvc.errors import StoppedError
from imgsvc.server.call import Call
from imgsvc.server.error_details import error_metadata
from imgsvc.server.refusals import Abandoned, NotTaken

if TYPE_CHECKING:
    from imgsvc.server.refusals import Refusal
    from imgsvc.server.transport import Metadata, Rpc

__all__ = ["OpenCalls"]

log = logging.getLogger("imgsvc.server")

RECEIVED_BY_DEFAULT = 4 << 20
"""Bytes of a message that gRPC's clients take where nobody has said otherwise."""


class OpenCalls:
    """All calls from their headers to their end.

    Parameters
    ----------
    answer_seconds
        In which a client takes an answer.
    """

    def __init__(self, answer_seconds: float) -> None:
        self._answer_seconds = answer_seconds
        self._open: set[Call] = set()
        self._refusal: Refusal | None = None
        self._told_of_dropped = False

    def begin(self, rpc: Rpc) -> Call:
        """Return the call of a new RPC."""
        call = Call(rpc)
        self._open.add(call)
        if self._refusal is not None:
            call.expire(self._refusal)
        return call

    def answer(self, call: Call, message: bytes) -> None:
        """Send the only answer; on any thread."""
        call.answer_bytes = len(message)
        call.answered = now = time.monotonic()
        # Until its client has taken the answer, the call holds its place.
        call.wait_until(now + self._answer_seconds, self._not_taken)
        self.finish(call, 0, "", call.trailing or None, message)

    def fail(self, call: Call, error: Exception, if_cut_off: Exception | None = None) -> None:
        """End a call with the status of an error; on any thread.

        Where that reaches nobody, since the call was cancelled, `if_cut_off` was the reason.
        """
        call.if_cut_off = if_cut_off
        code = call.fail(error)
        metadata = (*call.trailing, *error_metadata(code, call.details, error))
        call.answered = now = time.monotonic()
        call.wait_until(now + self._answer_seconds, self._not_taken)
        self.finish(call, code.value[0], call.details, metadata or None)

    def finish(
        self,
        call: Call,
        code: int,
        details: str,
        metadata: Metadata | None = None,
        message: bytes | None = None,
    ) -> None:
        """Send a status, and perhaps a message before it."""
        closed = None if call.watched else functools.partial(self._closed, call)
        call.rpc.finish(code, details, metadata, message, closed)

    def watch(self, call: Call) -> None:
        """Know of a cancellation from now on: what takes a while is to end with it."""
        call.watched = True
        call.rpc.watch(functools.partial(self._closed, call))

    def end_all(self, refusal: Refusal) -> None:
        """End all calls, and each that comes."""
        self._refusal = refusal
        for call in list(self._open):
            call.expire(refusal)

    def tick(self) -> None:
        """End those that are late."""
        now = time.monotonic()
        for call in [call for call in self._open if call.due <= now]:
            call.due = math.inf
            error = None if call.due_to is None else call.due_to()
            if error is not None:
                call.expire(error)

    def _not_taken(self) -> Exception:
        return NotTaken(self._answer_seconds)

    def _closed(self, call: Call, cut_off: bool) -> None:
        call.over = True
        self._open.discard(call)
        if not call.answered:
            call.cancel()
        if call.on_closed is not None:
            call.on_closed()
        call.on_closed = call.due_to = None  # which hold it
        if call.expired is not None:
            call.fail(call.expired)
        elif cut_off and call.if_cut_off is not None:
            call.fail(call.if_cut_off)
        elif cut_off and not call.answered:
            call.fail(Abandoned(StoppedError(cancelled=call.remaining > 0), call.core_seconds))
        elif cut_off and call.answer_bytes > RECEIVED_BY_DEFAULT and call.remaining > 0:
            self._tell_of_dropped(call)
        call.leave()

    def _tell_of_dropped(self, call: Call) -> None:
        """Say once what may be the matter with a client that did not take its answer: no more is known."""
        if not self._told_of_dropped:
            self._told_of_dropped = True
            log.warning(
                "%s peer=%s did not take an answer of %d bytes: has its client gRPC's own limit of %d "
                "(max_receive_message_length, MaxCallRecvMsgSize, maxInboundMessageSize)? This is said once",
                call.method,
                call.peer,
                call.answer_bytes,
                RECEIVED_BY_DEFAULT,
            )
