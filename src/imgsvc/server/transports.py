"""Which transport a server has: gRPC's completion queue, or where this grpcio has none, `grpc.server`."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from imgsvc.server.transport import Transport

__all__ = ["transport_class"]

log = logging.getLogger("imgsvc.server")

VARIABLE = "IMGSVC_TRANSPORT"
PLAIN = "plain"
"""For tests, and for whoever wants to know what the other one is good for."""


def transport_class() -> type[Transport]:
    """Return the class of a server's transport."""
    if os.environ.get(VARIABLE) != PLAIN:
        try:
            from imgsvc.server.transport import Transport  # noqa: PLC0415 - it may not load
        except ImportError as error:
            log.warning(
                "grpcio %s: %s: calls are served by grpc.server, slower and with fewer protections: %s",
                grpc.__version__,
                error,
                "install another grpcio",
            )
        else:
            return Transport
    from imgsvc.server.plain_transport import PlainTransport  # noqa: PLC0415 - only where it is needed

    plain: Any = PlainTransport
    return plain  # type: ignore[no-any-return]
