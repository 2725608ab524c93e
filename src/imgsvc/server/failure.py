"""The end of a call that is refused or fails: its status, and what its record says of it."""

from __future__ import annotations

import secrets
import traceback
from typing import TYPE_CHECKING, NoReturn

import grpc

from imgsvc.errors import OverloadedError
from imgsvc.server.error_details import error_metadata
from imgsvc.server.status import details_of, status_of

if TYPE_CHECKING:
    from imgsvc.server.observers import Observers
    from imgsvc.server.record import Record

__all__ = ["fail", "note_failure", "refuse"]


def fail(record: Record, context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End a call with the status of `error`, and note it."""
    code = note_failure(record, error)
    metadata = error_metadata(code, record.details, error)
    if metadata:
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), *metadata))
    context.abort(code, record.details)
    raise AssertionError  # abort raises


def refuse(observers: Observers, record: Record, context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """Do the same for a call that has no more to it than that."""
    record.peer = context.peer()
    try:
        fail(record, context, error)
    finally:
        observers.finished(record)


def note_failure(record: Record, error: Exception) -> grpc.StatusCode:
    """Note in a record what a call, or an item, failed with; return its status.

    Of an error that nobody foresaw the caller is told an id alone: the text may hold paths, or another
    caller's data. The error has no traceback any more then.
    """
    code = status_of(error)
    if code is None:
        code = grpc.StatusCode.INTERNAL
        record.error_id = secrets.token_hex(6)
        record.exception = "".join(traceback.format_exception(error)).rstrip()
        record.field, record.value = "server", "internal error"
        record.details = f"internal error {record.error_id}: the server's log says more"
    else:
        record.field = getattr(error, "field", "memory")
        record.value = str(getattr(error, "value", "exhausted"))
        record.details = details_of(error)
        record.overloaded = isinstance(error, OverloadedError)
    record.code = code.name
    _let_go(error)
    return code


def _let_go(error: BaseException | None) -> None:
    """Take the tracebacks from an error and from those before it.

    Their frames hold the request. Where one of them also holds the error, nothing is freed until Python looks
    for such circles, which it does by the number of objects, however large they are.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
