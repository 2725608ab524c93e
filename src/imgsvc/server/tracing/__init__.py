"""Spans of calls, for OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from imgsvc.config import ServerConfig
    from imgsvc.server.tracing.spans import Tracing

__all__ = ["open_tracing"]


def open_tracing(config: ServerConfig) -> Tracing | None:
    """Return the observer that a server is to have, if any.

    Raises
    ------
    ConfigurationError
        OpenTelemetry is not installed.
    """
    if config.otlp_endpoint is None:
        return None
    try:
        from imgsvc.server.tracing.export import provider  # noqa: PLC0415 - an extra
        from imgsvc.server.tracing.spans import Tracing  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            f"--otlp-endpoint: {config.otlp_endpoint} needs OpenTelemetry: pip install 'imgsvc[tracing]'"
        ) from error
    return Tracing(provider(config))
