"""The operations: one frozen dataclass each, and the public function that runs it on one image."""

from imgsvc.operations.geometry import Crop, Flip, Pad, Rotate90, crop, flip, pad, rotate90
from imgsvc.operations.mean import MeanFilter, mean_filter
from imgsvc.operations.operation import Operation
from imgsvc.operations.resizing import Resize, resize

__all__ = [
    "Crop",
    "Flip",
    "MeanFilter",
    "Operation",
    "Pad",
    "Resize",
    "Rotate90",
    "crop",
    "flip",
    "mean_filter",
    "pad",
    "resize",
    "rotate90",
]
