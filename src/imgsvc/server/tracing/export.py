"""Where spans go: to an OTLP receiver, over gRPC, by OpenTelemetry's own thread."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from imgsvc.config import ServerConfig

__all__ = ["provider"]

log = logging.getLogger("imgsvc.server")

EXPORT_SECONDS = 5.0


def provider(config: ServerConfig) -> TracerProvider:
    """Return what makes spans: of all calls whose callers trace them, and of a share of the others."""
    spans = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(config.trace_ratio)),
        resource=_resource(),
        shutdown_on_exit=False,
    )
    complaints = _Complaints()
    telemetry = logging.getLogger("opentelemetry")
    telemetry.addHandler(complaints)
    telemetry.propagate = False
    exporter = OTLPSpanExporter(config.otlp_endpoint, insecure=config.otlp_insecure, timeout=EXPORT_SECONDS)
    spans.add_span_processor(BatchSpanProcessor(_Exporter(exporter, complaints)))
    return spans


def _resource() -> Resource:
    """Return what the spans are of; ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` may say more."""
    found = Resource.create()
    own = {"service.version": version("imgsvc")}
    if str(found.attributes.get("service.name", "")).startswith("unknown_service"):
        own["service.name"] = "imgsvc"
    return found.merge(Resource(own))


class _Complaints(logging.Handler):
    """Passes on the first that OpenTelemetry has to say, until an export works again.

    A receiver that is not there is a line for every try otherwise, for hours.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on a line, or not."""
        if not self.said:
            self.said = True
            log.warning("tracing: spans may be lost: %s", record.getMessage())


class _Exporter(SpanExporter):
    def __init__(self, exporter: OTLPSpanExporter, complaints: _Complaints) -> None:
        self._exporter = exporter
        self._complaints = complaints

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._complaints.said = False
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
