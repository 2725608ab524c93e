from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module
openmp: bool

def copy(src: NDArray[np.uint8], dst: NDArray[np.uint8], num_threads: int, stop: Stop) -> None: ...
def mirror(src: NDArray[np.uint8], dst: NDArray[np.uint8], num_threads: int, stop: Stop) -> None: ...
def transpose(src: NDArray[np.uint8], dst: NDArray[np.uint8], num_threads: int, stop: Stop) -> None: ...
def pad(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    left: int,
    top: int,
    border: int,
    fill: Sequence[int],
    num_threads: int,
    stop: Stop,
) -> None: ...
