"""Which gRPC status answers which error: the only place that knows."""

from __future__ import annotations

import grpc

from imgsvc.errors import InvalidInputError, OverloadedError, UnsupportedFormatError
from imgsvc.server.refusals import Refusal

# gRPC sends details as a header, and a client's default limit for all of them is 8 KB.
MAX_DETAILS = 1024

STATUS: dict[type[Exception], grpc.StatusCode] = {
    UnsupportedFormatError: grpc.StatusCode.UNIMPLEMENTED,  # before its base
    InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    MemoryError: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def status_of(error: Exception) -> grpc.StatusCode | None:
    """Return the status that tells a client of `error`; None for an error that nobody foresaw."""
    if isinstance(error, Refusal):
        return error.code
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), None)


def details_of(error: Exception) -> str:
    """Return what a client is told of `error`, in at most `MAX_DETAILS` bytes of UTF-8."""
    text = str(error) or "the server is out of memory; try again later"
    return text.encode()[:MAX_DETAILS].decode(errors="ignore")
