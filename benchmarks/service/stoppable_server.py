"""imgsvc-server whose RotateImage never ends by itself, and that tells when its cores became free.

The kernel is the real one, run again and again until it is stopped: so there is always one to stop, whatever
the image's size. Each line on stdin is answered by what has been stopped since the last, as a list of JSON:
seconds of the monotonic clock, and seconds after the deadline (null without one).
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from imgsvc._process import prepare_process
from imgsvc.operations import Operation
from imgsvc.runtime import cores

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop
    from imgsvc.runtime.cores import Job
    from imgsvc.wire.nl_image import ImageRequest

T = TypeVar("T")

ROTATE_IMAGE = "/NLImageService/RotateImage"


def main() -> int:
    prepare_process()
    from imgsvc.server import cli, limiter, nl_image_service  # noqa: PLC0415 - loads gRPC, and now it may

    stops: list[tuple[float, float | None]] = []

    class Watched(cores.Cores):
        """Notes when a job that was stopped had left its cores."""

        def run(self, compute: Callable[[int], T], num_bytes: int, job: Job, most: int | None = None) -> T:
            try:
                return super().run(compute, num_bytes, job, most)
            finally:
                if job.stop.stopped:
                    left = job.stop.remaining
                    stops.append((time.monotonic(), None if left is None else -left))

    @dataclasses.dataclass(frozen=True)
    class Endless(Operation):
        operation: Operation

        def output_shape(self, shape: Shape) -> Shape:
            return self.operation.output_shape(shape)

        def cost(self, shape: Shape) -> int:  # as if it ended: prices and deadlines let it in
            return self.operation.cost(shape)

        def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
            return self.operation.routine(shape, dtype)

        def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
            while not stop.stopped:
                self.operation.apply(src, dst, num_threads, stop)

    def endless(body: bytes) -> ImageRequest:
        request = read(body)
        return dataclasses.replace(request, operation=Endless(request.operation))

    envelope, read = nl_image_service.METHODS[ROTATE_IMAGE]
    nl_image_service.METHODS[ROTATE_IMAGE] = envelope, endless
    limiter.Cores = Watched  # type: ignore[misc, attr-defined]

    def answer() -> None:
        for _line in sys.stdin:
            told = list(stops)
            del stops[: len(told)]
            print(json.dumps({"stops": told}), flush=True)

    threading.Thread(target=answer, daemon=True).start()
    return cli.main(["--port", "0"])


if __name__ == "__main__":
    sys.exit(main())
