"""Operations for the tests of what all have in common: each at least once, with parameters of each kind."""

import pytest

from imgsvc.operations import Crop, Flip, MeanFilter, Pad, Resize, Rotate90

EXAMPLES = [
    MeanFilter(),
    *map(Rotate90, range(4)),
    Flip(0),
    Flip(1),
    Crop(left=0, top=0, width=1, height=1),
    Pad(left=3, top=1, right=40, bottom=2),
    Pad(left=3, top=1, right=40, bottom=2, border="wrap"),
    Resize(width=50, height=30, resample="nearest"),
    Resize(width=50, height=30),
    Resize(width=70, height=40, resample="lanczos"),
]

EVERY = pytest.mark.parametrize("operation", EXAMPLES, ids=str)
