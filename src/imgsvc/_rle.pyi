from typing import Any

from numpy.typing import NDArray

__test__: dict[str, str]  # Cython makes one in every module

def unpack(code: memoryview | bytes, indices: NDArray[Any], half: bool) -> bool: ...
