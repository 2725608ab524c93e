"""Who may come in: asked for every image call, when its headers have come, before its body is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

    from imgsvc.server.callers.access import Access
    from imgsvc.server.overload.admission import Admission, Entry
    from imgsvc.server.record import Record

__all__ = ["Gate"]


class Gate:
    """Lets calls in, or raises what they are refused with.

    It is asked on gRPC's serving thread, which serves everybody: nothing here waits.

    Parameters
    ----------
    admission
        The server's.
    access
        Knows the callers; None where anybody may call.
    """

    def __init__(self, admission: Admission, access: Access | None) -> None:
        self._admission = admission
        self._access = access

    def enter(self, details: grpc.HandlerCallDetails, record: Record, holders: int = 2) -> Entry:
        """Let a call in; see `Admission.enter`.

        Parameters
        ----------
        details
            Its method and its metadata.
        record
            Its record, which is told who calls.
        holders
            How many will release it.

        Raises
        ------
        OverloadedError, Refusal
            It may not come in, or not now.
        """
        if self._access is None:
            return self._admission.enter(holders)
        account = self._access.by_key(details.invocation_metadata or (), record)
        if account is None:
            return self._admission.enter(holders)
        account.enter()
        try:
            entry = self._admission.enter(holders)
        except Exception:
            account.leave()
            raise
        entry.account = account
        return entry

    def identify(self, context: grpc.ServicerContext, record: Record, entry: Entry) -> None:
        """Find out who has come in without a key; called before anything of the body is read.

        Raises
        ------
        Refusal
            It is nobody known, or somebody who may not call this, or not now.
        """
        if self._access is None or entry.account is not None:
            return
        account = self._access.by_certificate(context, record)
        account.enter()
        entry.account = account

    def denial(self, record: Record, error: Exception) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Return a handler that tells a call later that it may not come in; None where the server is busy."""
        return None if self._access is None else self._access.denial(record, error)
