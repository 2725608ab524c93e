import numpy as np
from numpy.typing import NDArray

from imgsvc._door import Kernel

__test__: dict[str, str]  # Cython makes one in every module
openmp: bool

_Windows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]

class Copy(Kernel):
    def __init__(self, left: int = 0, top: int = 0, reverses: bool = False) -> None: ...

class Mirror(Kernel):
    def __init__(self, reverses: bool = False) -> None: ...

class QuarterTurn(Kernel):
    def __init__(self, clockwise: bool) -> None: ...

class Pad(Kernel):
    def __init__(self, left: int, top: int, border: int, fill: bytes) -> None: ...

class Select(Kernel):
    def __init__(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> None: ...

class Resample(Kernel):
    def __init__(self, rows: _Windows, columns: _Windows, weighted: bool) -> None: ...

class MeanFilter(Kernel):
    def __init__(self, weighted: bool) -> None: ...

class BoxBlur(Kernel):
    def __init__(
        self, radius: int, multiplier: int, shift: int, narrow: bool, border: int, weighted: bool
    ) -> None: ...

class GaussianBlur(Kernel):
    def __init__(
        self, weights: NDArray[np.int16], radius: int, long_sums: bool, border: int, weighted: bool
    ) -> None: ...

class Sharpen(Kernel):
    def __init__(
        self,
        weights: NDArray[np.int16],
        radius: int,
        long_sums: bool,
        border: int,
        weighted: bool,
        amount: float,
        threshold: float,
    ) -> None: ...

class Convolve(Kernel):
    def __init__(
        self,
        window_height: int,
        window_width: int,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        weights: NDArray[np.float32],
        across: NDArray[np.float32],
        bias: float,
        border: int,
        weighted: bool,
    ) -> None: ...

class Lookup(Kernel):
    def __init__(self, tables: bytes, colours_only: bool) -> None: ...

class Invert(Kernel): ...

class Threshold(Kernel):
    def __init__(self, level: int) -> None: ...

class Grayscale(Kernel): ...

class Convert(Kernel):
    def __init__(self, src_bytes: int, dst_bytes: int) -> None: ...
