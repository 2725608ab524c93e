"""Operations for the tests of what all have in common: each at least once, with parameters of each kind."""

import numpy as np
import pytest

from imgsvc.operations import (
    Adjust,
    Crop,
    Flip,
    Gamma,
    Grayscale,
    Invert,
    Lut,
    MeanFilter,
    Pad,
    Rotate90,
    Threshold,
)

EXAMPLES = [
    MeanFilter(),
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
]

EVERY = pytest.mark.parametrize("operation", EXAMPLES, ids=str)
