"""What of a server the metrics are read from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgsvc.runtime.cores import Cores
    from imgsvc.server.caching import Caching
    from imgsvc.server.overload.admission import Admission
    from imgsvc.server.overload.backlog import Backlog
    from imgsvc.server.overload.congestion import Congestion
    from imgsvc.server.readiness import Readiness

__all__ = ["Parts"]


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts of one server that count something."""

    admission: Admission
    cores: Cores
    backlog: Backlog
    congestion: Congestion
    readiness: Readiness
    caching: Caching | None
