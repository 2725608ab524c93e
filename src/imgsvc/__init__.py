"""Image operations, compiled and parallel: a library on NumPy arrays, a gRPC service and its client.

The library loads neither gRPC nor the compiled kernels before they are used.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from imgsvc.errors import ImgsvcError
from imgsvc.operations import (
    adjust,
    box_blur,
    convert,
    convolve,
    crop,
    flip,
    gamma,
    gaussian_blur,
    grayscale,
    invert,
    lut,
    mean_filter,
    pad,
    resize,
    rotate90,
    sharpen,
    threshold,
)
from imgsvc.pipeline import Pipeline
from imgsvc.runtime.allocator import tune_allocator

if TYPE_CHECKING:
    from imgsvc.client.sync import Client

__all__ = [
    "Client",
    "ImgsvcError",
    "Pipeline",
    "__version__",
    "adjust",
    "box_blur",
    "convert",
    "convolve",
    "crop",
    "flip",
    "gamma",
    "gaussian_blur",
    "grayscale",
    "invert",
    "lut",
    "mean_filter",
    "pad",
    "resize",
    "rotate90",
    "sharpen",
    "threshold",
    "tune_allocator",
]

__version__ = version("imgsvc")


def __getattr__(name: str) -> Any:
    if name == "Client":
        from imgsvc.client.sync import Client  # noqa: PLC0415 - gRPC takes longer to load than all the rest

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
