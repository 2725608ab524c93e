"""What a load generator can be told: an object of JSON a line on stdin, answered by one on stdout.

{"do": "first", "shape": [480, 640, 3], "save": PATH}
    calls once and writes the answer's pixels to PATH; {"shape": [480, 640, 3]}
{"do": "burst", "shapes": [[480, 640, 3]], "clients": 4, "warm_up": 0.1, "seconds": 0.3, "at_least": 2}
    a burst, see `benchmarks.service.closed_loop`;
    {"wall": seconds, "cpu": seconds of this process, "latencies": [seconds, …]}

What goes wrong is {"error": TEXT}. When stdin ends, so does the process.
"""

from __future__ import annotations

import json
import pkgutil
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.service.clients import BytesClient, ImgsvcClient, StockClient
from benchmarks.service.closed_loop import burst

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.service.clients import Client
    from benchmarks.service.images import Shape

CLIENTS: dict[str, Callable[[str], Client]] = {
    "imgsvc": ImgsvcClient,
    "imgsvc-untuned": ImgsvcClient,
    "stock": StockClient,
    "bytes": BytesClient,
}


def obey(kind: str, target: str) -> None:
    """Do what each line says, with a client of `CLIENTS` or, as "module:class", any other."""
    load = Load((CLIENTS.get(kind) or pkgutil.resolve_name(kind))(target))
    commands: dict[str, Callable[..., dict[str, Any]]] = {"first": load.first, "burst": load.burst}
    for line in sys.stdin:
        parameters = json.loads(line)
        try:
            answer = commands[parameters.pop("do")](**parameters)
        except Exception as error:  # noqa: BLE001 - who asked decides what it means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


class Load:
    """One client, and the requests that it was last asked to send."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._requests: dict[Shape, Any] = {}

    def first(self, *, shape: list[int], save: str) -> dict[str, Any]:
        (request,) = self._prepare([shape])
        pixels = self._client.pixels(self._client.call(request))
        pixels.tofile(save)
        return {"shape": pixels.shape}

    def burst(self, *, shapes: list[list[int]], **how: Any) -> dict[str, Any]:
        requests = self._prepare(shapes)
        before = time.process_time()
        wall, latencies = burst(self._client.call, requests, **how)
        return {"wall": wall, "cpu": time.process_time() - before, "latencies": latencies}

    def _prepare(self, shapes: list[list[int]]) -> list[Any]:
        """Return a request of each shape; made anew are those that the last command did not have."""
        wanted = [tuple(shape) for shape in shapes]
        known, self._requests = self._requests, {}
        for shape in wanted:
            if shape not in self._requests:
                self._requests[shape] = known[shape] if shape in known else self._client.prepare(shape)
        return [self._requests[shape] for shape in wanted]
