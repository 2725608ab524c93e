"""Who may come in: asked for every image call, when its headers have come, before its body is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

    from imgsvc.server.admission import Admission, Entry
    from imgsvc.server.record import Record

__all__ = ["Gate"]


class Gate:
    """Lets calls in, or raises what they are refused with.

    It is asked on gRPC's serving thread, which serves everybody: nothing here waits.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def enter(self, details: grpc.HandlerCallDetails, record: Record, holders: int = 2) -> Entry:  # noqa: ARG002
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
        return self._admission.enter(holders)
