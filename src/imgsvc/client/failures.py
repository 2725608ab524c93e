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


def service_error(error: grpc.RpcError) -> ServiceError:
    """Return the imgsvc exception for what a call raised."""
    code, details = error.code(), error.details() or "no details"
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and OVER_LIMIT in details:
        return RequestRefusedError(
            code, f"{details}: send a smaller image, or raise the server's --max-message-bytes"
        )
    return KINDS.get(code, ServiceError)(code, details)
