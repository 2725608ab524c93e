"""How a server starts and stops, and when it wants no more calls."""

from __future__ import annotations

import dataclasses

from imgsvc._options import seconds
from imgsvc.config.option import option

__all__ = ["Lifecycle"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """how it starts and stops."""

    grace: float = option(
        30.0,
        seconds(0, 86400),
        "seconds for requests in flight to finish at shutdown (default: 30)",
        metavar="SECONDS",
    )
