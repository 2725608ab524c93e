from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self, disjoint_base

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module

_P = ParamSpec("_P")
_R = TypeVar("_R")

@disjoint_base
class Kernel:
    def __call__(self, src: NDArray[Any], dst: NDArray[Any], num_threads: int, stop: Stop) -> None: ...

@disjoint_base
class Prepared:
    def __new__(
        cls,
        kernel: Kernel,
        src_shape: tuple[int, ...],
        src_dtype: np.dtype[Any],
        dst_shape: tuple[int, ...],
        dst_dtype: np.dtype[Any],
        cost: int,
    ) -> Self: ...
    def run(self, src: NDArray[Any], dst: NDArray[Any], num_threads: int | None, stop: Stop) -> bool: ...

@disjoint_base
class Door:
    def __init__(self, operation: Callable[..., Any], function: Callable[..., Any]) -> None: ...
    def __call__(self, *args: Any, **kwargs: Any) -> NDArray[Any]: ...
    def forget(self) -> None: ...
