import numpy as np
from numpy.typing import NDArray

from imgsvc._stop import Stop

__test__: dict[str, str]  # Cython makes one in every module

def lookup(
    src: NDArray[np.uint8],
    dst: NDArray[np.uint8],
    tables: bytes,
    colours_only: bool,
    num_threads: int,
    stop: Stop,
) -> None: ...
def invert(src: NDArray[np.uint8], dst: NDArray[np.uint8], num_threads: int, stop: Stop) -> None: ...
def threshold(
    src: NDArray[np.uint8], dst: NDArray[np.uint8], level: int, num_threads: int, stop: Stop
) -> None: ...
def grayscale(src: NDArray[np.uint8], dst: NDArray[np.uint8], num_threads: int, stop: Stop) -> None: ...
