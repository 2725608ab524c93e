"""What of a server the metrics are read from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgsvc.codec.helpers import Helpers
    from imgsvc.runtime.fair_pool import FairPool
    from imgsvc.server.caching import Caching
    from imgsvc.server.limiter import Limiter
    from imgsvc.server.readiness import Readiness

__all__ = ["Parts"]


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts of one server that count something."""

    limiter: Limiter
    workers: FairPool
    readiness: Readiness
    caching: Caching | None
    helpers: Helpers
