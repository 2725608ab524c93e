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
    drain_delay: float = option(
        0.0,
        seconds(0, 3600),
        "seconds between saying NOT_SERVING at shutdown and refusing calls, for balancers (default: 0)",
        metavar="SECONDS",
    )
    unready_after: float = option(
        10.0,
        seconds(0, 3600),
        "seconds of refusing calls for load after which it is not ready, 0 for never (default: 10)",
        metavar="SECONDS",
    )
    ready_again_after: float = option(
        5.0,
        seconds(0.1, 3600),
        "seconds without such refusals after which it is ready again (default: 5)",
        metavar="SECONDS",
    )
