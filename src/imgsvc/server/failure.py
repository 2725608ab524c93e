"""The end of a call that is refused or fails: its status, and its line in the log."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote

import grpc

from imgsvc.server.status import details_of, status_of

if TYPE_CHECKING:
    from imgsvc.server.record import Record

log = logging.getLogger("imgsvc.server")


def fail(record: Record, context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End a call with the status of `error`, and log it."""
    code = status_of(error)
    if code is None:
        context.abort(grpc.StatusCode.INTERNAL, internal_failure(record, error))
    else:
        log_failure(record, code, error)
        context.abort(code, details_of(error))
    raise AssertionError  # abort raises


def internal_failure(record: Record, error: Exception) -> str:
    """Log an error that nobody foresaw; return what a caller is told of it.

    What it was is for the log only: the text may hold paths, or another caller's data.
    """
    error_id = uuid.uuid4().hex[:12]
    method = _printable(record.method)
    log.error("%s peer=%s status=INTERNAL id=%s", method, record.peer, error_id, exc_info=error)
    return f"internal error {error_id}: the server's log says more"


def log_failure(record: Record, code: grpc.StatusCode, error: Exception) -> None:
    """Write the one line that the log has on a refused or failed request."""
    log.warning(
        "%s peer=%s status=%s field=%s value=%s: %s",
        _printable(record.method),
        _printable(unquote(record.peer)),
        code.name,
        getattr(error, "field", "memory"),
        getattr(error, "value", "exhausted"),
        details_of(error),
    )


def _printable(text: str) -> str:
    """Return a text from outside without line ends and control characters, which could forge other lines."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
