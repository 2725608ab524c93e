"""What a server accepts."""

from __future__ import annotations

import dataclasses

from imgsvc._options import byte_size, integer, seconds
from imgsvc.config.option import MIB, option
from imgsvc.errors import ConfigurationError

__all__ = ["Limits"]

# gRPC holds the limit as a 32-bit int, and protobuf ends at 2 GiB.
MAX_MESSAGE = 2**31 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """what it accepts."""

    max_message_bytes: int = option(
        256 * MIB, byte_size(1024, MAX_MESSAGE), "largest request (default: 256MiB)", metavar="SIZE"
    )
    max_calls: int = option(
        256,
        integer(1, 1 << 20),
        "image calls accepted at a time, waiting ones included (default: 256)",
        metavar="N",
    )
    max_bytes_in_flight: int | None = option(
        None,
        byte_size(1024, 1 << 50),
        "bytes of requests and answers held at a time (default: 8 times the largest request)",
        metavar="SIZE",
    )
    body_timeout: float = option(
        30.0,
        seconds(0.1, 86400),
        "seconds for a request to arrive in full, and for its answer to be taken (default: 30)",
        metavar="SECONDS",
    )

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        largest = 2 * self.max_message_bytes
        if self.max_bytes_in_flight is not None and self.max_bytes_in_flight < largest:
            raise ConfigurationError(
                f"--max-bytes-in-flight: {self.max_bytes_in_flight}, expected at least {largest}: "
                "twice --max-message-bytes, for the largest request and its answer"
            )

    @property
    def byte_budget(self) -> int:
        """The bytes of requests and answers held at a time."""
        return self.max_bytes_in_flight or 8 * self.max_message_bytes
