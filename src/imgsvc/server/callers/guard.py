"""Services that only callers may use, though no image calls: reflection, and health where it is said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from imgsvc.server.record import begin
from imgsvc.server.refusals import NoCaller

if TYPE_CHECKING:
    from imgsvc.server.callers.access import Access

__all__ = ["Guarded"]


class Guarded(grpc.GenericRpcHandler):
    """Hands on the calls of a service that come with a good key, or with none.

    Of the latter the service asks `Access.check`, when it knows what they are about: they may have a
    certificate, which is only seen then, or ask for something that is for everybody.

    Parameters
    ----------
    service
        Its name.
    handler
        Of the service.
    access
        The server's.
    """

    def __init__(self, service: str, handler: grpc.GenericRpcHandler, access: Access) -> None:
        self._prefix = f"/{service}/"
        self._handler = handler
        self._access = access

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the service's handler, or one that refuses."""
        if not handler_call_details.method.startswith(self._prefix):
            return None
        record = begin(handler_call_details)
        try:
            self._access.by_key(handler_call_details.invocation_metadata or (), record)
        except NoCaller as refusal:
            if refusal.had_key:
                return self._access.denial(record, refusal)
        return self._handler.service(handler_call_details)
