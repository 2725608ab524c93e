"""Image operations, compiled and parallel: a library on NumPy arrays, a gRPC service and its client.

The library loads neither gRPC nor the compiled kernels before they are used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from imgsvc import errors, operations
from imgsvc._images import read_others_by
from imgsvc.errors import ImgsvcError
from imgsvc.operations import (
    adjust,
    box_blur,
    color_matrix,
    convert,
    convolve,
    crop,
    flatten,
    flip,
    gamma,
    gaussian_blur,
    grayscale,
    invert,
    letterbox,
    lut,
    mean_filter,
    pad,
    resize,
    rotate,
    rotate90,
    saturation,
    sharpen,
    threshold,
    transpose,
    trim,
    warp_affine,
)
from imgsvc.pipeline import Pipeline
from imgsvc.runtime.allocator import tune_allocator

if TYPE_CHECKING:
    from imgsvc.client.asynchronous import AsyncClient
    from imgsvc.client.options import Tls
    from imgsvc.client.sync import Client
    from imgsvc.processing.describe import describe
    from imgsvc.processing.process import process, process_outputs
    from imgsvc.processing.result import Result
    from imgsvc.recipes.description import Description
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.placement import Placement
    from imgsvc.recipes.recipe import Output

__all__ = [
    "AsyncClient",
    "Client",
    "Description",
    "ImgsvcError",
    "Limits",
    "Output",
    "Pipeline",
    "Placement",
    "Result",
    "Tls",
    "__version__",
    "adjust",
    "box_blur",
    "color_matrix",
    "convert",
    "convolve",
    "crop",
    "describe",
    "errors",
    "flatten",
    "flip",
    "gamma",
    "gaussian_blur",
    "grayscale",
    "invert",
    "letterbox",
    "lut",
    "mean_filter",
    "operations",
    "pad",
    "process",
    "process_outputs",
    "resize",
    "rotate",
    "rotate90",
    "saturation",
    "sharpen",
    "threshold",
    "transpose",
    "trim",
    "tune_allocator",
    "warp_affine",
]

__version__ = version("imgsvc")


# gRPC and Pillow take longer to load than all the rest.
LATER = {
    "AsyncClient": "imgsvc.client.asynchronous",
    "Client": "imgsvc.client.sync",
    "Description": "imgsvc.recipes.description",
    "Limits": "imgsvc.recipes.limits",
    "Output": "imgsvc.recipes.recipe",
    "Placement": "imgsvc.recipes.placement",
    "Result": "imgsvc.processing.result",
    "Tls": "imgsvc.client.options",
    "describe": "imgsvc.processing.describe",
    "process": "imgsvc.processing.process",
    "process_outputs": "imgsvc.processing.process",
}


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _array_of(image: object) -> Any:
    return import_module("imgsvc.processing.given").array_of(image)


read_others_by(_array_of)
