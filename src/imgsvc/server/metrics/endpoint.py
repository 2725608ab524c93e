"""The port of metrics, liveness and readiness."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from imgsvc.server.listening.tcp import find_addresses
from imgsvc.server.metrics.cache import CacheState
from imgsvc.server.metrics.calls import CallMetrics
from imgsvc.server.metrics.http import HttpServer, Page
from imgsvc.server.metrics.state import ServerState

if TYPE_CHECKING:
    from collections.abc import Collection

    from imgsvc.config import ServerConfig
    from imgsvc.server.metrics.parts import Parts
    from imgsvc.server.observers import Observers

__all__ = ["MetricsEndpoint"]

log = logging.getLogger("imgsvc.server")

FLUSH_SECONDS = 0.5


class MetricsEndpoint:
    """Serves ``/metrics``, ``/livez`` and ``/readyz``.

    Parameters
    ----------
    config
        Of the server; it has a ``metrics_port``.
    methods
        Names of its methods.

    Raises
    ------
    AddressError
        It cannot listen there.

    Attributes
    ----------
    calls : CallMetrics
        An observer, for the server's.
    """

    def __init__(self, config: ServerConfig, methods: Collection[str]) -> None:
        self._config = config
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.calls = CallMetrics(self._registry, methods)
        self._addresses = find_addresses(config.metrics_host, config.metrics_port or 0, "metrics-")
        self._http = HttpServer(self._addresses)

    def start(self, parts: Parts, observers: Observers) -> None:
        """Answer from now on, of these parts of the server."""
        registry, readiness = self._registry, parts.readiness
        registry.register(ServerState(self._config, parts, observers))
        if parts.caching is not None:
            registry.register(CacheState(parts.caching.cache.counters))

        def metrics(accept: str) -> Page:
            observers.flush(FLUSH_SECONDS)
            encode, kind = choose_encoder(accept)
            return Page(HTTPStatus.OK, encode(registry), kind)

        def ready(_accept: str) -> Page:
            reasons = ", ".join(readiness.reasons)
            if not reasons:
                return Page(HTTPStatus.OK, b"ready\n")
            return Page(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {reasons}\n".encode())

        self._http.start({"/metrics": metrics, "/livez": _alive, "/readyz": ready})
        log.info("metrics on %s", ", ".join(f"http://{address}/metrics" for address in self._addresses))

    def close(self) -> None:
        """Answer no more."""
        self._http.close()


def _alive(_accept: str) -> Page:
    return Page(HTTPStatus.OK, b"alive\n")
