"""What went wrong in a call, as an imgsvc exception."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

from imgsvc.errors import RequestRefusedError, ServiceError, ServiceTimeoutError, ServiceUnavailableError

KINDS: dict[grpc.StatusCode, type[ServiceError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: RequestRefusedError,
    grpc.StatusCode.UNIMPLEMENTED: RequestRefusedError,
    grpc.StatusCode.OUT_OF_RANGE: RequestRefusedError,
    grpc.StatusCode.FAILED_PRECONDITION: RequestRefusedError,
    grpc.StatusCode.PERMISSION_DENIED: RequestRefusedError,
    grpc.StatusCode.UNAUTHENTICATED: RequestRefusedError,
    grpc.StatusCode.UNAVAILABLE: ServiceUnavailableError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ServiceUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: ServiceTimeoutError,
}

# gRPC has one status for a message over the limit and for a busy server, and these words for the first: those
# of C++, Go and Node, of Java, of .NET, and of Rust's tonic.
OVER_LIMIT = (
    "message larger than max",
    "message exceeds maximum size",
    "message exceeds the maximum configured message size",
    "message length too large",
)
LIMITS = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.OUT_OF_RANGE}

NO_DETAILS = "no details"

NO_METHOD = "the server has no "
# What servers say of methods that they do not know: gRPC's of C++ and Java, of Go, of Node and of .NET; that
# of Rust nothing; and what gRPC makes of an answer of a web server.
UNKNOWN_METHOD = (
    "Method not found",
    "unknown service",
    "unknown method",
    "does not implement the method",
    "is unimplemented",
    NO_DETAILS,
    "status: 404",
)

# What grpc.aio says where a message cannot be written because its call is over: it does not wait for why.
NOT_WRITTEN = "Internal error from Core"

# What gRPC says where a proxy resets a stream whose server has gone, with a code of its own.
RESET = "RST_STREAM"
RESETS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}

# What Envoy says where a route has a time limit of its own, and gRPC of other proxies' answers: the server is
# there, and would take as long once more.
PROXY_LIMITS = ("upstream request timeout", "stream timeout", "status: 504")

RICHER_STATUS = "grpc-status-details-bin"

CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def service_error(error: grpc.RpcError, method: str = "") -> ServiceError:
    """Return the imgsvc exception for what a call of a method raised."""
    field, retry_after = "", None
    for detail in _richer_details(error):
        violations, retry = BadRequest(), RetryInfo()
        if detail.Unpack(violations) and violations.field_violations:
            field = violations.field_violations[0].field
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.ToMilliseconds() / 1e3
    code, details = error.code(), error.details() or NO_DETAILS
    if code is grpc.StatusCode.UNIMPLEMENTED and method and any(words in details for words in UNKNOWN_METHOD):
        details = f"{NO_METHOD}{method}: {details}"
    return _failure(code, details, field, retry_after)


def status_error(code: int, message: str, field: str = "") -> ServiceError:
    """Return the imgsvc exception for a status in an answer."""
    return _failure(CODES.get(code, grpc.StatusCode.UNKNOWN), message or NO_DETAILS, field)


def broken_answer(reason: object) -> ServiceError:
    """Return what to raise for an answer that is none."""
    return ServiceError(grpc.StatusCode.INTERNAL, f"the server's answer cannot be read: {reason}")


def _richer_details(error: grpc.RpcError) -> Any:
    """Return what a server says of a failure in google.rpc's messages."""
    metadata: Any = error.trailing_metadata() or ()
    for key, value in metadata:
        if key == RICHER_STATUS:
            try:
                return Status.FromString(value).details
            except DecodeError:  # some other server's own idea of it
                break
    return ()


def _failure(
    code: grpc.StatusCode, details: str, field: str = "", retry_after: float | None = None
) -> ServiceError:
    if code in LIMITS and any(words in details for words in OVER_LIMIT):
        advice = "send a smaller image, or raise the server's limit (imgsvc-server's is --max-message-bytes)"
        return RequestRefusedError(code, f"{details}: {advice}", field)
    if code is grpc.StatusCode.INTERNAL and details == NOT_WRITTEN:
        code, details = grpc.StatusCode.UNAVAILABLE, "the call ended while something was sent"
    if code in RESETS and RESET in details:
        code, details = grpc.StatusCode.UNAVAILABLE, f"the connection to the server was cut: {details}"
    if code is grpc.StatusCode.UNAVAILABLE and any(limit in details for limit in PROXY_LIMITS):
        code, details = grpc.StatusCode.DEADLINE_EXCEEDED, f"a proxy's own time limit: {details}"
    kind = KINDS.get(code, ServiceError)
    if issubclass(kind, ServiceUnavailableError):
        return kind(code, details, field, retry_after)
    return kind(code, details, field)
