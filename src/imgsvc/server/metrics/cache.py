"""What the result cache counts, read when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client import Metric

__all__ = ["CacheState"]

GAUGES = {
    "bytes": "Bytes of results in memory; with Redis, of those that are on their way to it.",
    "entries": "How many results these are.",
}
COUNTERS = {
    "stores": "Results that were kept.",
    "dropped": "Results that were not kept: too large, too many on their way, or refused by Redis.",
    "evictions": "Results that were let go to make room; those that Redis lets go are known to it alone.",
    "errors": "Commands that Redis did not answer or refused, and values that were not what was written.",
}


class CacheState(Collector):
    """The counters of a cache, which `counters` returns by name."""

    def __init__(self, counters: Callable[[], Mapping[str, int]]) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """Read all of them."""
        values = self._counters()
        for name, what in GAUGES.items():
            yield GaugeMetricFamily(f"imgsvc_cache_{name}", what, values[name])
        for name, what in COUNTERS.items():
            yield CounterMetricFamily(f"imgsvc_cache_{name}", what, values[name])
