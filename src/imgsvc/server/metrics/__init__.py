"""Metrics for Prometheus, and the port where they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

    from imgsvc.config import ServerConfig
    from imgsvc.server.metrics.endpoint import MetricsEndpoint

__all__ = ["open_metrics"]


def open_metrics(config: ServerConfig, methods: Collection[str]) -> MetricsEndpoint | None:
    """Return the endpoint that a server is to have, if any; `methods` are its own.

    Raises
    ------
    AddressError
        It cannot listen there.
    ConfigurationError
        prometheus-client is not installed.
    """
    if config.metrics_port is None:
        return None
    try:
        from imgsvc.server.metrics.endpoint import MetricsEndpoint  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(
            f"--metrics-port: {config.metrics_port} needs prometheus-client: pip install 'imgsvc[metrics]'"
        ) from error
    return MetricsEndpoint(config, methods)
