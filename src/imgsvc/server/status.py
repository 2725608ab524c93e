"""Which gRPC status answers which error: the only place that knows."""

from __future__ import annotations

import grpc
from google.protobuf.message import DecodeError

from imgsvc.errors import InvalidInputError, OverloadedError
from imgsvc.server.admission import ShuttingDownError
from imgsvc.server.receive import IncompleteError

# gRPC sends details as a header, and a client's default limit for all of them is 8 KB.
MAX_DETAILS = 1024

STATUS: dict[type[Exception], grpc.StatusCode] = {
    InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ShuttingDownError: grpc.StatusCode.UNAVAILABLE,
    DecodeError: grpc.StatusCode.INTERNAL,  # as grpcio's own deserialization answers
}


def status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """Return the status and the details that tell a client of `error`; INTERNAL for one not foreseen."""
    if isinstance(error, IncompleteError):
        return error.code, str(error)
    if isinstance(error, MemoryError):
        return grpc.StatusCode.RESOURCE_EXHAUSTED, "the server is out of memory; try again later"
    if isinstance(error, DecodeError):
        return STATUS[DecodeError], "Exception deserializing request!"
    for kind, code in STATUS.items():
        if isinstance(error, kind):
            return code, shorten(str(error))
    return grpc.StatusCode.INTERNAL, "internal error"


def shorten(details: str) -> str:
    """Return `details` in at most `MAX_DETAILS` bytes of UTF-8."""
    return details.encode()[:MAX_DETAILS].decode(errors="ignore")
