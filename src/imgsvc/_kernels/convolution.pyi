import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module

def convolve(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    window_height: int,
    window_width: int,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    weights: NDArray[np.float32],
    across: NDArray[np.float32],
    bias: float,
    border: int,
    num_threads: int,
    stop: Stop,
) -> None: ...
