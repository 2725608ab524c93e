"""The operations: one frozen dataclass each, and the public function that runs it on one image."""

from collections.abc import Mapping
from types import MappingProxyType

from imgsvc.operations.channels import ColorMatrix, Flatten, Saturation, color_matrix, flatten, saturation
from imgsvc.operations.convolution import Convolve, convolve
from imgsvc.operations.depth import Convert, convert
from imgsvc.operations.gaussian import GaussianBlur, Sharpen, gaussian_blur, sharpen
from imgsvc.operations.geometry import Crop, Pad, crop, pad
from imgsvc.operations.letterbox import Letterbox, letterbox
from imgsvc.operations.mean import BoxBlur, MeanFilter, box_blur, mean_filter
from imgsvc.operations.operation import Operation
from imgsvc.operations.orientation import Flip, Rotate90, Transpose, flip, rotate90, transpose
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
from imgsvc.operations.resizing import Resize, resize
from imgsvc.operations.trimming import Trim, trim
from imgsvc.operations.warping import Rotate, WarpAffine, rotate, warp_affine

__all__ = [
    "OPERATIONS",
    "Adjust",
    "BoxBlur",
    "ColorMatrix",
    "Convert",
    "Convolve",
    "Crop",
    "Flatten",
    "Flip",
    "Gamma",
    "GaussianBlur",
    "Grayscale",
    "Invert",
    "Letterbox",
    "Lut",
    "MeanFilter",
    "Operation",
    "Pad",
    "Resize",
    "Rotate",
    "Rotate90",
    "Saturation",
    "Sharpen",
    "Threshold",
    "Transpose",
    "Trim",
    "WarpAffine",
    "adjust",
    "box_blur",
    "color_matrix",
    "convert",
    "convolve",
    "crop",
    "flatten",
    "flip",
    "gamma",
    "gaussian_blur",
    "grayscale",
    "invert",
    "letterbox",
    "lut",
    "mean_filter",
    "pad",
    "resize",
    "rotate",
    "rotate90",
    "saturation",
    "sharpen",
    "threshold",
    "transpose",
    "trim",
    "warp_affine",
]

OPERATIONS: Mapping[str, type[Operation]] = MappingProxyType(
    {
        exported.name: exported
        for exported in map(globals().get, __all__)
        if isinstance(exported, type) and issubclass(exported, Operation) and exported is not Operation
    }
)
"""Each operation that is exported, by the name of its public function."""
