"""Counts and times of calls, from their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

from imgsvc.server.call import CACHE, COMPUTE, DECODE, ENCODE, QUEUE, RECEIVE, SEND, TOTAL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from prometheus_client import CollectorRegistry

    from imgsvc.server.call import Work

__all__ = ["CallMetrics"]

STAGES = (QUEUE, RECEIVE, CACHE, DECODE, COMPUTE, ENCODE, SEND)

BUCKETS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)

REFUSED = {"RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNAUTHENTICATED", "PERMISSION_DENIED"}
"""Statuses that say no to a call which may be quite right."""

TOO_LATE = "deadline"
"""The field of calls that would have missed their deadlines."""

OTHER = "other"
MAX_CALLERS, MAX_REASONS = 256, 64
"""Beyond these they are one: each value of a label is a time series, here and in Prometheus."""


class CallMetrics:
    """An observer.

    Parameters
    ----------
    registry
        Where the metrics are.
    methods
        What the server has; other names count as ``other``: anybody can make them up.
    """

    def __init__(self, registry: CollectorRegistry, methods: Collection[str]) -> None:
        self._methods = frozenset(methods)
        self._callers: set[str] = set()
        self._reasons: set[str] = set()
        self._requests = Counter(
            "imgsvc_requests", "Calls that have ended.", ("method", "code", "caller"), registry=registry
        )
        self._seconds = Histogram(
            "imgsvc_request_seconds",
            "From a call's headers until its answer has gone.",
            ("method",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._stages = Histogram(
            "imgsvc_stage_seconds",
            "What took that time; stages that a call did not have are not counted.",
            ("method", "stage"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._request_bytes = Counter(
            "imgsvc_request_bytes", "Of messages that came in.", ("method",), registry=registry
        )
        self._answer_bytes = Counter(
            "imgsvc_answer_bytes", "Of messages that went out.", ("method",), registry=registry
        )
        self._pixels = Counter(
            "imgsvc_pixels", "Of images that calls were about.", ("method", "caller"), registry=registry
        )
        self._refusals = Counter(
            "imgsvc_refusals",
            "Calls that were turned down though nothing may be wrong with them, by what they ran into.",
            ("reason", "caller"),
            registry=registry,
        )
        self._cached = Counter(
            "imgsvc_cached_requests",
            "Calls that asked the result cache.",
            ("method", "result"),
            registry=registry,
        )

    def observe(self, records: Sequence[Work]) -> None:
        """Count calls."""
        for record in records:
            self._count(record)

    def close(self) -> None:
        """Do nothing: all has been counted."""

    def _count(self, record: Work) -> None:
        method = record.method if record.method in self._methods else OTHER
        if record.stream is not None:
            method += ":item"
        caller = _bounded(record.caller, self._callers, MAX_CALLERS)
        self._requests.labels(method, record.code, caller).inc()
        self._request_bytes.labels(method).inc(record.request_bytes)
        self._answer_bytes.labels(method).inc(record.answer_bytes)
        seconds = record.seconds()
        self._seconds.labels(method).observe(seconds[TOTAL])
        for stage in STAGES:
            if stage in seconds:
                self._stages.labels(method, stage).observe(seconds[stage])
        if record.pixels:
            self._pixels.labels(method, caller).inc(record.pixels)
        if record.cache:
            self._cached.labels(method, record.cache).inc()
        if record.code in REFUSED or record.field == TOO_LATE:
            self._refusals.labels(_bounded(record.field, self._reasons, MAX_REASONS), caller).inc()


def _bounded(value: str, known: set[str], limit: int) -> str:
    """Return a label's value, or that for all further ones."""
    if value in known:
        return value
    if len(known) >= limit:
        return OTHER
    known.add(value)
    return value
