"""What a status says beside its code and its text, in the messages that clients of any language know.

It is a `google.rpc.Status` in the trailing metadata, which gRPC's libraries read where they have support for
richer errors. See https://google.aip.dev/193 and the README of google.rpc.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

from imgsvc.errors import InvalidInputError, OverloadedError
from imgsvc.server.refusals import OverQuota

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

__all__ = ["DETAILS_KEY", "PUSHBACK_KEY", "error_metadata"]

DETAILS_KEY = "grpc-status-details-bin"
PUSHBACK_KEY = "grpc-retry-pushback-ms"
"""What gRPC's own retries look at, in clients that have them switched on for RESOURCE_EXHAUSTED."""

# With the status and its text, which is at most three times 1 KB of escaped UTF-8, these stay below the
# 8 KB that clients take of metadata: each byte of these becomes one and a third.
MAX_FIELD = 256
MAX_DESCRIPTION = 512

OUT_OF_MEMORY_SECONDS = 1.0
"""After a MemoryError, which nobody can foretell the end of."""


def error_metadata(
    code: grpc.StatusCode, details: str, error: Exception
) -> tuple[tuple[str, str | bytes], ...]:
    """Return the trailing metadata of a call that ends with `error`.

    Parameters
    ----------
    code, details
        The status that it ends with: a client believes the richer one only if it says the same.
    error
        An InvalidInputError is told with the field that is at fault, load and quotas with when there may be
        room.
    """
    if isinstance(error, InvalidInputError):
        description = f"{error.value}, expected {error.expected}"
        violation = BadRequest.FieldViolation(
            field=_cut(error.field, MAX_FIELD), description=_cut(description, MAX_DESCRIPTION)
        )
        return ((DETAILS_KEY, _status(code, details, BadRequest(field_violations=[violation]))),)
    if isinstance(error, OverloadedError | OverQuota | MemoryError):
        seconds = getattr(error, "retry_after", OUT_OF_MEMORY_SECONDS)
        milliseconds = max(1, math.ceil(1e3 * seconds))
        info = RetryInfo()
        info.retry_delay.FromMilliseconds(milliseconds)
        return (DETAILS_KEY, _status(code, details, info)), (PUSHBACK_KEY, str(milliseconds))
    return ()


def _status(code: grpc.StatusCode, details: str, message: Message) -> bytes:
    packed = Any()
    packed.Pack(message)
    serialized: bytes = Status(code=code.value[0], message=details, details=[packed]).SerializeToString()
    return serialized


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
