"""Spans of calls that are over, made from their records."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import grpc
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from imgsvc.server.call import SEND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from imgsvc.server.call import Work

__all__ = ["Tracing"]

CLOSE_SECONDS = 2.0

W3C = TraceContextTextMapPropagator()
HEADERS = {"traceparent", "tracestate"}

# Of a server's spans these are errors; the others are its clients' (OpenTelemetry's conventions for gRPC).
ERRORS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}


class Tracing:
    """An observer: a span for each call, with one in it for each stage; and for each item of a batch."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("imgsvc")

    def observe(self, records: Sequence[Work]) -> None:
        """Make the spans of some calls."""
        since = time.time_ns() - time.monotonic_ns()  # what the wall clock says beyond the monotonic one
        for record in records:
            if record.stream is None:
                self._end(record, self._span(record, since), since)
            else:
                self._item(record, self._span(record.stream, since), since)

    def close(self) -> None:
        """Send what is left; not for long, if nobody takes it."""
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        thread.join(CLOSE_SECONDS)

    def _span(self, record: Work, since: int) -> Span:
        """Return the span of a call, which that of a batch is before its end."""
        if record.span is None:
            carrier = {key: value for key, value in record.metadata if key in HEADERS}
            record.span = self._tracer.start_span(
                record.method.removeprefix("/"),
                W3C.extract(carrier),
                SpanKind.SERVER,
                start_time=_nanoseconds(record.begun, since),
            )
            record.trace_id = f"{record.span.get_span_context().trace_id:032x}"
        return record.span  # type: ignore[return-value]  # the record knows nothing of spans

    def _item(self, record: Work, stream: Span, since: int) -> None:
        span = self._tracer.start_span(
            "item", set_span_in_context(stream), start_time=_nanoseconds(record.begun, since)
        )
        if record.stream is not None:
            record.trace_id = record.stream.trace_id
        self._end(record, span, since)

    def _end(self, record: Work, span: Span, since: int) -> None:
        if span.is_recording():
            span.set_attributes(_attributes(record))
            if record.code in ERRORS:
                span.set_status(Status(StatusCode.ERROR, record.details))
            parent = set_span_in_context(span)
            for stage, start, end in (*record.stages, (SEND, record.answered, record.ended)):
                child = self._tracer.start_span(stage, parent, start_time=_nanoseconds(start, since))
                child.end(_nanoseconds(end, since))
        span.end(_nanoseconds(record.ended, since))


def _nanoseconds(monotonic: float, since: int) -> int:
    return int(monotonic * 1e9) + since


def _attributes(record: Work) -> dict[str, str | int | float]:
    service, _, method = record.method.removeprefix("/").rpartition("/")
    attributes: dict[str, str | int | float] = {
        "rpc.system": "grpc",
        "rpc.service": service,
        "rpc.method": method,
        "rpc.grpc.status_code": grpc.StatusCode[record.code].value[0],
        "network.peer.address": record.peer,
        "imgsvc.id": record.id,
        "imgsvc.request_bytes": record.request_bytes,
        "imgsvc.answer_bytes": record.answer_bytes,
        "imgsvc.pixels": record.pixels,
        "imgsvc.core_seconds": record.core_seconds,
    }
    for name, value in (
        ("caller", record.caller),
        ("cache", record.cache),
        ("item", record.item),
        ("field", record.field),
        ("error_id", record.error_id),
    ):
        if value:
            attributes[f"imgsvc.{name}"] = value
    return attributes
