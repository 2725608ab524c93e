"""What went wrong in a call, as an imgsvc exception."""

from __future__ import annotations

import grpc

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

# gRPC has one status for a message over the limit and for a busy server, and these words for the first.
OVER_LIMIT = "message larger than max"


CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def service_error(error: grpc.RpcError) -> ServiceError:
    """Return the imgsvc exception for what a call raised."""
    return _failure(error.code(), error.details() or "no details")


def status_error(code: int, message: str, field: str = "") -> ServiceError:
    """Return the imgsvc exception for a status in an answer."""
    return _failure(CODES.get(code, grpc.StatusCode.UNKNOWN), message or "no details", field)


def broken_answer(reason: object) -> ServiceError:
    """Return what to raise for an answer that is none."""
    return ServiceError(grpc.StatusCode.INTERNAL, f"the server's answer cannot be read: {reason}")


def _failure(code: grpc.StatusCode, details: str, field: str = "") -> ServiceError:
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and OVER_LIMIT in details:
        return RequestRefusedError(
            code, f"{details}: send a smaller image, or raise the server's --max-message-bytes", field
        )
    return KINDS.get(code, ServiceError)(code, details, field)
