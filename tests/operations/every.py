"""Operations for the tests of what all have in common: each at least once, with parameters of each kind."""

import numpy as np
import pytest

from imgsvc.operations import (
    Adjust,
    BoxBlur,
    Convert,
    Convolve,
    Crop,
    Flip,
    Gamma,
    GaussianBlur,
    Grayscale,
    Invert,
    Lut,
    MeanFilter,
    Pad,
    Resize,
    Rotate90,
    Sharpen,
    Threshold,
)

EXAMPLES = [
    MeanFilter(),
    MeanFilter("channel"),
    BoxBlur(1),
    BoxBlur(7, border="wrap"),
    BoxBlur(9),
    BoxBlur(9, alpha="channel"),
    Convolve([[1, -2, 0.5], [0.25, 3, -1], [0, -1, 0.125]]),
    Convolve([[0.1] * 7] * 4, border="constant"),
    Convolve([[1, 2, 1]], alpha="channel"),
    GaussianBlur(1),
    GaussianBlur(5),
    GaussianBlur(1, alpha="channel"),
    Sharpen(),
    Sharpen(amount=2.5, threshold=3, alpha="channel"),
    *map(Rotate90, range(4)),
    Flip(0),
    Flip(1),
    Crop(left=0, top=0, width=1, height=1),
    Pad(left=3, top=1, right=40, bottom=2),
    Pad(left=3, top=1, right=40, bottom=2, border="wrap"),
    Lut(np.arange(256)[::-1] // 2),
    Invert(),
    Adjust(brightness=-3.5, contrast=1.25),
    Gamma(0.45),
    Threshold(100),
    Grayscale(),
    Convert(),
    Resize(width=50, height=30, resample="nearest"),
    Resize(width=50, height=30),
    Resize(width=70, height=40, resample="lanczos"),
    Resize(width=50, height=30, alpha="channel"),
]

EVERY = pytest.mark.parametrize("operation", EXAMPLES, ids=str)
