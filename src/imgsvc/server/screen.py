"""Screen: who calls, and whether the server takes the call on, asked at the headers of every image call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.server.callers.addresses import CallersByAddress

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
        Knows the callers; None where anybody may call, and is told apart by address.
    limiter
        The server's.
    """

    def __init__(self, access: Access | None, limiter: Limiter) -> None:
        self._access = access
        self._limiter = limiter
        self._addresses = CallersByAddress()

    def check(self, call: Call) -> None:
        """Find out whose a call is; it waits for nothing.

        Raises
        ------
        OverloadedError, Refusal
            Nothing of it is to be read.
        """
        if self._access is None:
            call.flow = self._addresses.of(call.peer)
        else:
            self._access.identify(call)
        self._limiter.check(call)
