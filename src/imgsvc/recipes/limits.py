"""How large a request may be, and the checks of it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from imgsvc.errors import LimitExceededError
from imgsvc.operations import Convolve

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._images import Shape
    from imgsvc.codec import Header
    from imgsvc.pipeline import Pipeline, Plan

__all__ = [
    "Limits",
    "check_decoded",
    "check_frames",
    "check_outputs",
    "check_page",
    "check_pipeline",
    "check_size",
    "check_steps",
]


@dataclasses.dataclass(frozen=True)
class Limits:
    """How large a request may be.

    Attributes
    ----------
    pixels : int
        Of an image: what comes in, what goes out, and all between; of all frames that are worked on.
    frames : int
        That are worked on.
    operations : int
        Of a pipeline: the recipe's, and that of each output.
    weights : int
        Of a convolution.
    output_bytes : int
        Of all results together.
    decode_bytes : int
        Of the pixels that a file becomes, all frames together.
    """

    pixels: int = 100_000_000
    frames: int = 256
    operations: int = 64
    weights: int = 961
    output_bytes: int = (1 << 31) - 1
    decode_bytes: int = 1 << 30


def check_frames(frames: int, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if there are too many frames."""
    if frames > limits.frames:
        raise LimitExceededError(field, frames, limits.frames, "frames")


def check_size(shape: Shape, frames: int, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if images have too many pixels."""
    pixels = math.prod(shape[:2]) * frames
    if pixels > limits.pixels:
        raise LimitExceededError(field, pixels, limits.pixels, f"pixels ({_size(shape, frames)})")


def check_page(header: Header, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if more pixels are decoded than are shown, and these are too many."""
    if header.most_pixels > limits.pixels:
        raise LimitExceededError(field, header.most_pixels, limits.pixels, "pixels of a page, tile or canvas")


def check_decoded(shape: Shape, dtype: np.dtype[Any], frames: int, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if the pixels of a file take too many bytes."""
    size = math.prod(shape) * dtype.itemsize * frames
    if size > limits.decode_bytes:
        raise LimitExceededError(
            field, size, limits.decode_bytes, f"bytes of decoded pixels ({_size(shape, frames)})"
        )


def check_pipeline(pipeline: Pipeline, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if a pipeline has too many operations, or a convolution too many weights."""
    count = len(pipeline.operations)
    if count > limits.operations:
        raise LimitExceededError(f"{field}.operations", count, limits.operations, "operations")
    for index, operation in enumerate(pipeline.operations):
        if isinstance(operation, Convolve):
            rows, columns = len(operation.weights), len(operation.weights[0])
            if rows * columns > limits.weights:
                place = f"{field}.operations[{index}].convolve.weights"
                raise LimitExceededError(place, rows * columns, limits.weights, f"weights ({rows}×{columns})")


def check_steps(plan: Plan, frames: int, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if what comes out of a step has too many pixels."""
    for step in plan.steps:
        check_size(step.dst_shape, frames, limits, f"{field}, {step.operation.name}")


def check_outputs(size: int, limits: Limits, field: str) -> None:
    """Raise LimitExceededError if all results up to this one take too many bytes."""
    if size > limits.output_bytes:
        raise LimitExceededError(field, size, limits.output_bytes, "bytes of results")


def _size(shape: Shape, frames: int) -> str:
    of_frames = f" of {frames} frames" if frames > 1 else ""
    return f"{shape[1]}×{shape[0]}{of_frames}"
