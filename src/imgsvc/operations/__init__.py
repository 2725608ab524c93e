"""The operations: one frozen dataclass each, and the public function that runs it on one image."""

from imgsvc.operations.geometry import Crop, Flip, Pad, Rotate90, crop, flip, pad, rotate90
from imgsvc.operations.mean import MeanFilter, mean_filter
from imgsvc.operations.operation import Operation

__all__ = [
    "Crop",
    "Flip",
    "MeanFilter",
    "Operation",
    "Pad",
    "Rotate90",
    "crop",
    "flip",
    "mean_filter",
    "pad",
    "rotate90",
]
