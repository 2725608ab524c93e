import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self, disjoint_base

from imgsvc._door import Kernel

__test__: dict[str, str]  # Cython makes one in every module
openmp: bool

_Windows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]

@disjoint_base
class Copy(Kernel):
    def __new__(cls, left: int = 0, top: int = 0, reverses: bool = False) -> Self: ...

@disjoint_base
class Mirror(Kernel):
    def __new__(cls, reverses: bool = False) -> Self: ...

class Transpose(Kernel): ...

@disjoint_base
class QuarterTurn(Kernel):
    def __new__(cls, clockwise: bool) -> Self: ...

@disjoint_base
class Pad(Kernel):
    def __new__(cls, left: int, top: int, border: int, fill: bytes) -> Self: ...

@disjoint_base
class Warp(Kernel):
    def __new__(
        cls, places: NDArray[np.int64], weights: NDArray[np.int16], border: int, fill: bytes, weighted: bool
    ) -> Self: ...

@disjoint_base
class Select(Kernel):
    def __new__(cls, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Self: ...

@disjoint_base
class Resample(Kernel):
    def __new__(cls, rows: _Windows, columns: _Windows, weighted: bool) -> Self: ...

@disjoint_base
class MeanFilter(Kernel):
    def __new__(cls, weighted: bool) -> Self: ...

@disjoint_base
class BoxBlur(Kernel):
    def __new__(
        cls, radius: int, multiplier: int, shift: int, narrow: bool, border: int, weighted: bool
    ) -> Self: ...

@disjoint_base
class GaussianBlur(Kernel):
    def __new__(
        cls, weights: NDArray[np.int16], radius: int, long_sums: bool, border: int, weighted: bool
    ) -> Self: ...

class Sharpen(Kernel):
    def __new__(
        cls,
        weights: NDArray[np.int16],
        radius: int,
        long_sums: bool,
        border: int,
        weighted: bool,
        amount: float,
        threshold: float,
    ) -> Self: ...

@disjoint_base
class Convolve(Kernel):
    def __new__(
        cls,
        window_height: int,
        window_width: int,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        weights: NDArray[np.float32],
        across: NDArray[np.float32],
        bias: float,
        border: int,
        weighted: bool,
    ) -> Self: ...

@disjoint_base
class Lookup(Kernel):
    def __new__(cls, tables: bytes, colours_only: bool) -> Self: ...

class Invert(Kernel): ...

@disjoint_base
class Threshold(Kernel):
    def __new__(cls, level: int) -> Self: ...

class Grayscale(Kernel): ...

@disjoint_base
class ColorMatrix(Kernel):
    def __new__(cls, matrix: NDArray[np.float32]) -> Self: ...

@disjoint_base
class Flatten(Kernel):
    def __new__(cls, background: bytes) -> Self: ...

@disjoint_base
class Extents(Kernel):
    def __new__(cls, background: bytes, threshold: int) -> Self: ...

@disjoint_base
class Histogram(Kernel):
    def __new__(cls, rows: int, columns: int) -> Self: ...

@disjoint_base
class Convert(Kernel):
    def __new__(cls, src_bytes: int, dst_bytes: int) -> Self: ...
