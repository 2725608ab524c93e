import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module
_Windows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]

def resample(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    rows: _Windows,
    columns: _Windows,
    num_threads: int,
    stop: Stop,
) -> None: ...
def select(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    num_threads: int,
    stop: Stop,
) -> None: ...
