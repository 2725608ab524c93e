"""The operations: one frozen dataclass each, and the public function that runs it on one image."""

from imgsvc.operations.convolution import Convolve, convolve
from imgsvc.operations.gaussian import GaussianBlur, Sharpen, gaussian_blur, sharpen
from imgsvc.operations.geometry import Crop, Flip, Pad, Rotate90, crop, flip, pad, rotate90
from imgsvc.operations.mean import BoxBlur, MeanFilter, box_blur, mean_filter
from imgsvc.operations.operation import Operation

__all__ = [
    "BoxBlur",
    "Convolve",
    "Crop",
    "Flip",
    "GaussianBlur",
    "MeanFilter",
    "Operation",
    "Pad",
    "Rotate90",
    "Sharpen",
    "box_blur",
    "convolve",
    "crop",
    "flip",
    "gaussian_blur",
    "mean_filter",
    "pad",
    "rotate90",
    "sharpen",
]
