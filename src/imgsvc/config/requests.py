"""How large one request of imgsvc.v1 may be."""

from __future__ import annotations

import dataclasses

from imgsvc._options import byte_size, integer
from imgsvc.config.option import option

__all__ = ["Requests"]

MOST = 1 << 40

# What operations and pipelines take by themselves.
MAX_OPERATIONS, MAX_WEIGHTS = 64, 31 * 31

# As much as a message can hold.
MAX_OUTPUT = 2**31 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Requests:
    """how large one request may be."""

    max_pixels: int = option(
        100_000_000,
        integer(1, MOST),
        "pixels of an image of imgsvc.v1, read, made or between (default: 100000000)",
        metavar="N",
    )
    max_frames: int = option(
        256, integer(1, 1 << 20), "frames of an animation that are worked on (default: 256)", metavar="N"
    )
    max_operations: int = option(
        MAX_OPERATIONS,
        integer(1, MAX_OPERATIONS),
        f"operations of a pipeline (default: {MAX_OPERATIONS})",
        metavar="N",
    )
    max_weights: int = option(
        MAX_WEIGHTS,
        integer(1, MAX_WEIGHTS),
        f"weights of a convolution (default: {MAX_WEIGHTS}, which is 31×31)",
        metavar="N",
    )
    max_output_bytes: int = option(
        MAX_OUTPUT,
        byte_size(1, MAX_OUTPUT),
        "results of one request or item, pixels or files (default: 2147483647, the most of a message)",
        metavar="SIZE",
    )
    max_decode_bytes: int = option(
        1 << 30,
        byte_size(1, MOST),
        "the decoded pixels of a file, all frames together (default: 1GiB)",
        metavar="SIZE",
    )
