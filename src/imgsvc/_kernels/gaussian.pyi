import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module

def blur(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    weights: NDArray[np.int16],
    radius: int,
    long_sums: bool,
    border: int,
    num_threads: int,
    stop: Stop,
) -> None: ...
def sharpen(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    weights: NDArray[np.int16],
    radius: int,
    long_sums: bool,
    border: int,
    amount: float,
    threshold: float,
    num_threads: int,
    stop: Stop,
) -> None: ...
