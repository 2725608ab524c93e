"""Server context: what all services of one server share."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgsvc.server.limiter import Limiter
    from imgsvc.server.observers import Observers
    from imgsvc.server.open_calls import OpenCalls
    from imgsvc.server.screen import Screen

__all__ = ["ServerContext"]


@dataclasses.dataclass(frozen=True)
class ServerContext:
    """What each image call goes through: who is it, what may it take, how does it end, who is told."""

    screen: Screen
    limiter: Limiter
    calls: OpenCalls
    observers: Observers
