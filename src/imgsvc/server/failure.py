"""The end of a call that is refused or fails: its status, and its line in the log."""

from __future__ import annotations

import logging
import uuid
from typing import NamedTuple, NoReturn
from urllib.parse import unquote

import grpc

from imgsvc.server.status import details_of, status_of

log = logging.getLogger("imgsvc.server")


class Caller(NamedTuple):
    """Who called what; noted at the start, since gRPC forgets the peer of a call that was cancelled."""

    method: str
    peer: str


def fail(caller: Caller, context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End a call with the status of `error`, and log it."""
    code = status_of(error)
    if code is None:
        context.abort(grpc.StatusCode.INTERNAL, internal_failure(caller, error))
    else:
        log_failure(caller, code, error)
        context.abort(code, details_of(error))
    raise AssertionError  # abort raises


def internal_failure(caller: Caller, error: Exception) -> str:
    """Log an error that nobody foresaw; return what a caller is told of it.

    What it was is for the log only: the text may hold paths, or another caller's data.
    """
    error_id = uuid.uuid4().hex[:12]
    method = _printable(caller.method)
    log.error("%s peer=%s status=INTERNAL id=%s", method, caller.peer, error_id, exc_info=error)
    return f"internal error {error_id}: the server's log says more"


def log_failure(caller: Caller, code: grpc.StatusCode, error: Exception) -> None:
    """Write the one line that the log has on a refused or failed request."""
    log.warning(
        "%s peer=%s status=%s field=%s value=%s: %s",
        _printable(caller.method),
        _printable(unquote(caller.peer)),
        code.name,
        getattr(error, "field", "memory"),
        getattr(error, "value", "exhausted"),
        details_of(error),
    )


def _printable(text: str) -> str:
    """Return a text from outside without line ends and control characters, which could forge other lines."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
