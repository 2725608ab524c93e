"""The end of a call that is refused or fails: its status, and its line in the log."""

from __future__ import annotations

import logging
import uuid
from typing import NoReturn
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from imgsvc.server.status import status_of

log = logging.getLogger("imgsvc.server")


class AbandonedError(Exception):
    """The client went away, or its deadline passed, before the answer was ready."""

    field, value = "call", "abandoned"


def fail(method: str, context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End a call with the status of `error`, and log it."""
    code, details = status_of(error)
    if code is grpc.StatusCode.INTERNAL and not isinstance(error, DecodeError):
        error_id = uuid.uuid4().hex[:12]
        details = f"internal error {error_id}: the server's log has more under this id"
        log.error("internal error %s", error_id, exc_info=error)
    log_failure(method, context, code, error)
    context.abort(code, details)
    raise AssertionError  # abort raises


def log_failure(method: str, context: grpc.ServicerContext, code: grpc.StatusCode, error: Exception) -> None:
    """Write the one line that the log has on a refused or failed request."""
    field, value = ("body", "not a message") if isinstance(error, DecodeError) else ("", "")
    log.warning(
        "%s peer=%s status=%s field=%s value=%s: %s",
        method,
        unquote(context.peer()),
        code.name,
        getattr(error, "field", field),
        getattr(error, "value", value),
        error,
    )
