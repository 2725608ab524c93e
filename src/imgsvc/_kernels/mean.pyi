import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module

def mean_3x3(src: NDArray[np.uint8], dst: NDArray[np.uint8], num_threads: int, stop: Stop) -> None: ...
