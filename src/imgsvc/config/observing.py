"""What a server tells of what it does."""

from __future__ import annotations

import dataclasses

from imgsvc._options import boolean, byte_size, choice, integer, ratio, text
from imgsvc.config.option import MIB, option

__all__ = ["Observing"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observing:
    """what it tells of its work."""

    log_format: str = option(
        "auto",
        choice("auto", "text", "json"),
        "text, json, or auto for text on a terminal and JSON otherwise (default: auto)",
        metavar="FORMAT",
    )
    access_log: bool = option(
        True, boolean, "log every call; those that fail are logged anyway (default: yes)"
    )
    metrics_port: int | None = option(
        None,
        integer(0, 65535),
        "serve /metrics, /livez and /readyz over HTTP on this port, 0 for a free one (default: not)",
        metavar="PORT",
    )
    metrics_host: str = option(
        "localhost", text, "name or address for --metrics-port (default: localhost)", metavar="HOST"
    )
    otlp_endpoint: str | None = option(
        None, text, "send spans to this OTLP receiver, host:port, over gRPC (default: not)", metavar="TARGET"
    )
    otlp_insecure: bool = option(False, boolean, "without TLS: for a receiver on this machine")
    trace_ratio: float = option(
        1.0,
        ratio(1),
        "share of calls to trace, of those whose caller does not say (default: 1)",
        metavar="NUMBER",
    )
    capture_bad_requests: str | None = option(
        None, text, "keep requests that fail in files in this folder (default: not)", metavar="DIR"
    )
    capture_max_files: int = option(
        100, integer(1, 100_000), "of these files, the latest (default: 100)", metavar="N"
    )
    capture_max_bytes: int = option(
        64 * MIB, byte_size(1024, 1 << 40), "bytes of these files in sum (default: 64MiB)", metavar="SIZE"
    )
    capture_pixels: bool = option(
        True, boolean, "keep them with their pixels; without, only how many bytes these were (default: yes)"
    )
