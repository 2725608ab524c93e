"""What the programs settle for their process before anything heavy loads. The library never does."""

from __future__ import annotations

import os

from imgsvc.runtime.allocator import tune_allocator

EXIT_INTERRUPTED = 130


def prepare_process() -> None:
    """Set what gRPC and OpenMP read when they load; whoever starts the program may set it otherwise."""
    # Idle OpenMP threads sleep instead of spinning.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # gRPC tells of a port or socket that it cannot have by itself, in several lines beside our one.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    tune_allocator()
