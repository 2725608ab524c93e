"""When a server refuses calls because of its load."""

from __future__ import annotations

import dataclasses

from imgsvc._options import seconds
from imgsvc.config.option import option

__all__ = ["Overload"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Overload:
    """when it is too busy."""

    max_queue_seconds: float = option(
        1.0,
        seconds(0.01, 86400),
        "seconds that a call may be expected to wait; beyond that it is refused at once (default: 1)",
        metavar="SECONDS",
    )
