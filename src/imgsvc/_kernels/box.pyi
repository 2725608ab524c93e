import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module

def box_blur(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    radius: int,
    multiplier: int,
    shift: int,
    narrow: bool,
    border: int,
    num_threads: int,
    stop: Stop,
) -> None: ...
