"""Failure: what an error is to the log, and what its caller is told."""

from __future__ import annotations

import secrets
import traceback
from typing import NamedTuple

import grpc

from imgsvc.errors import OverloadedError
from imgsvc.server.status import details_of, status_of

__all__ = ["Failure", "failure_of"]


class Failure(NamedTuple):
    """An error as a status; see `imgsvc.server.call.Work`."""

    code: grpc.StatusCode
    field: str
    value: str
    details: str
    overloaded: bool = False
    error_id: str = ""
    exception: str = ""


def failure_of(error: Exception) -> Failure:
    """Return what an error is told as.

    Of one that nobody foresaw the caller is told an id alone: the text may hold paths, or another caller's
    data. The error has no traceback any more then.
    """
    code = status_of(error)
    if code is None:
        error_id = secrets.token_hex(6)
        exception = "".join(traceback.format_exception(error)).rstrip()
        details = f"internal error {error_id}: the server's log says more"
        failure = Failure(
            grpc.StatusCode.INTERNAL, "server", "internal error", details, False, error_id, exception
        )
    else:
        failure = Failure(
            code,
            getattr(error, "field", "memory"),
            str(getattr(error, "value", "exhausted")),
            details_of(error),
            isinstance(error, OverloadedError),
        )
    _let_go(error)
    return failure


def _let_go(error: BaseException | None) -> None:
    """Take the tracebacks from an error and from those before it.

    Their frames hold the request. Where one of them also holds the error, nothing is freed until Python looks
    for such circles, which it does by the number of objects, however large they are.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
