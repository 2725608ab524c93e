"""File descriptors: each connection is one."""

from __future__ import annotations

import logging
import sys

if sys.platform != "win32":
    import resource

__all__ = ["provide_descriptors"]

log = logging.getLogger("imgsvc.server")

BESIDE_CONNECTIONS = 128
"""gRPC's own, libraries that are loaded late, files that are read, a cache."""


def provide_descriptors(max_connections: int, num_addresses: int) -> None:
    """Raise the limit of this process to what all connections could need, and warn where that cannot be.

    Beyond the limit gRPC accepts no connections until others end, those of health checks among them.
    """
    if sys.platform == "win32":
        return
    needed = max_connections * num_addresses + BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_enough(soft, needed):
        return
    limit = needed if _is_enough(hard, needed) else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    except (OSError, ValueError):  # what a sandbox forbids
        limit = soft
    if limit < needed:
        log.warning(
            "file descriptors: this process may have %d, and --max-connections %d on %d addresses can need"
            " %d: raise the limit (ulimit -n, or LimitNOFILE= of systemd), or allow fewer connections",
            limit,
            max_connections,
            num_addresses,
            needed,
        )


def _is_enough(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed
