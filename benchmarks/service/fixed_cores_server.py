"""imgsvc-server with one number of threads for all kernels: what its core budget is measured against.

python -m benchmarks.service.fixed_cores_server THREADS
"""

from __future__ import annotations

import queue
import sys
from typing import TYPE_CHECKING, TypeVar

from imgsvc._process import prepare_process
from imgsvc.runtime import cores

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.runtime.cores import Job

T = TypeVar("T")


def main() -> int:
    threads = int(sys.argv[1])
    prepare_process()
    from imgsvc.server import cli, limiter  # noqa: PLC0415 - loads gRPC, and now it may

    class FixedCores(cores.Cores):
        """As many kernels at a time as the cores allow, each with the same number of threads."""

        def __init__(self, count: int) -> None:
            super().__init__(count)
            self._fixed: queue.SimpleQueue[cores.Lane] = queue.SimpleQueue()
            for _ in range(max(1, count // threads)):
                self._fixed.put(cores.Lane(threads))

        def run(self, compute: Callable[[int], T], num_bytes: int, job: Job, most: int | None = None) -> T:  # noqa: ARG002
            if threads == 1:
                return compute(1)
            lane = self._fixed.get()
            try:
                return lane.run(compute, threads)
            finally:
                self._fixed.put(lane)

        def close(self) -> None:
            super().close()
            while not self._fixed.empty():
                self._fixed.get().close()

    limiter.Cores = FixedCores  # type: ignore[misc, attr-defined]
    return cli.main(["--port", "0"])


if __name__ == "__main__":
    sys.exit(main())
