"""What the server counts by itself, read when somebody asks."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from imgsvc._dispatch import isa

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from imgsvc.config import ServerConfig
    from imgsvc.server.metrics.parts import Parts
    from imgsvc.server.observers import Observers

__all__ = ["ServerState"]


class ServerState(Collector):
    """How full the server is, and what it has spent.

    Parameters
    ----------
    config, parts, observers
        Of the server.
    """

    def __init__(self, config: ServerConfig, parts: Parts, observers: Observers) -> None:
        self._config = config
        self._parts = parts
        self._observers = observers

    def collect(self) -> Iterator[Metric]:
        """Read all of it."""
        config, parts, limiter = self._config, self._parts, self._parts.limiter
        cores = limiter.cores
        build = GaugeMetricFamily(
            "imgsvc_build_info", "What runs here; always 1.", labels=("version", "isa", "python", "grpcio")
        )
        build.add_metric([version("imgsvc"), isa(), platform.python_version(), version("grpcio")], 1)
        yield build
        for name, what, value in (
            ("ready", "Whether the server wants calls.", parts.readiness()),
            ("calls_in_flight", "Calls from their body until their answer has gone.", limiter.num_calls),
            ("calls_in_flight_limit", "--max-calls.", config.max_calls),
            ("bytes_in_flight", "Bytes that calls hold.", limiter.num_bytes),
            ("bytes_in_flight_limit", "--max-bytes-in-flight.", config.byte_budget),
            ("cores_in_use", "Cores that are granted.", cores.in_use),
            ("cores_limit", "--cores.", config.num_cores),
            ("helper_programs", "Programs that decode and encode what takes long.", parts.helpers.count),
            (
                "cores_queue_length",
                "Pieces of work that wait for a core.",
                cores.waiting + parts.workers.waiting,
            ),
            (
                "backlog_core_seconds",
                "Predicted of what waits for a core and what computes.",
                limiter.backlog.seconds,
            ),
            (
                "calls_queue_seconds",
                "How long it will take until all calls that are there are done; 0 while nobody knows.",
                limiter.congestion.seconds,
            ),
        ):
            yield GaugeMetricFamily(f"imgsvc_{name}", what, value)
        for name, what, amount in (
            ("core_seconds", "Cores granted, times how long they were held.", cores.core_seconds),
            (
                "wasted_core_seconds",
                "Those of calls that nobody waited for in the end.",
                cores.wasted_core_seconds,
            ),
            ("dropped_records", "Calls neither logged nor counted here.", self._observers.dropped),
        ):
            yield CounterMetricFamily(f"imgsvc_{name}", what, amount)
