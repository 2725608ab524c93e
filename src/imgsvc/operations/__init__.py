"""The operations: one frozen dataclass each, and the public function that runs it on one image."""

from imgsvc.operations.geometry import Crop, Flip, Pad, Rotate90, crop, flip, pad, rotate90
from imgsvc.operations.mean import MeanFilter, mean_filter
from imgsvc.operations.operation import Operation
from imgsvc.operations.pixels import (
    Adjust,
    Gamma,
    Grayscale,
    Invert,
    Lut,
    Threshold,
    adjust,
    gamma,
    grayscale,
    invert,
    lut,
    threshold,
)

__all__ = [
    "Adjust",
    "Crop",
    "Flip",
    "Gamma",
    "Grayscale",
    "Invert",
    "Lut",
    "MeanFilter",
    "Operation",
    "Pad",
    "Rotate90",
    "Threshold",
    "adjust",
    "crop",
    "flip",
    "gamma",
    "grayscale",
    "invert",
    "lut",
    "mean_filter",
    "pad",
    "rotate90",
    "threshold",
]
