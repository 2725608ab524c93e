"""Screen: who calls, and whether the server takes the call on, asked at the headers of every image call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.server.caller import flow_of

if TYPE_CHECKING:
    from imgsvc.server.call import Call
    from imgsvc.server.callers.access import Access
    from imgsvc.server.limiter import Limiter

__all__ = ["Screen"]


class Screen:
    """Authenticates, then asks the limiter.

    Parameters
    ----------
    access
        Knows the callers; None where anybody may call.
    limiter
        The server's.
    """

    def __init__(self, access: Access | None, limiter: Limiter) -> None:
        self._access = access
        self._limiter = limiter

    def check(self, call: Call) -> None:
        """Find out whose a call is; it waits for nothing.

        Raises
        ------
        OverloadedError, Refusal
            Nothing of it is to be read.
        """
        if self._access is not None:
            self._access.identify(call)
        call.flow = flow_of(call)
        self._limiter.check(call)
