"""Other depths of pixels."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imgsvc import _dispatch
from imgsvc._images import DTYPES, UINT8, DTypeName
from imgsvc.operations.operation import SameShape, made, public
from imgsvc.operations.parameters import one_of
from imgsvc.operations.stopping import go_on

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc._door import Kernel
    from imgsvc._images import Shape
    from imgsvc._stop import Stop

    Pixels = NDArray[Any]

FLOAT32 = np.dtype(np.float32)

BLOCK = 1 << 16
"""Values at a time: some 0.3 ms, and what is computed on the way stays in the cache."""

ARRAYS_OF_A_BLOCK = 4  # of 8 bytes a value


@dataclasses.dataclass(frozen=True)
class Convert(SameShape):
    """The image with pixels of another depth; see `convert`."""

    deep: ClassVar[bool] = True

    dtype: DTypeName = "uint8"

    def __post_init__(self) -> None:
        """Check `dtype`."""
        one_of("dtype", self.dtype, DTYPES)

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:  # noqa: ARG002 - it takes each
        """Return `dtype` of the parameters."""
        return DTYPES[self.dtype]

    def cost(self, shape: Shape) -> int:
        """Return the bytes of uint8, 24 times: what floats to integers take, the slowest of all."""
        return 24 * math.prod(shape)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:  # noqa: ARG002 - for no shape is it another
        """Return from what to what."""
        return f"convert {dtype} to {self.dtype}"

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:  # noqa: ARG002 - it takes one
        """Return the bytes of some arrays of a block."""
        return ARRAYS_OF_A_BLOCK * 8 * max(BLOCK, shape[2] if len(shape) > 2 else 1)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel | None:  # noqa: ARG002
        """Return what copies bytes; depths are changed by `apply`."""
        return _dispatch.kernels().Copy() if dtype == self.output_dtype(dtype) == UINT8 else None

    def apply(self, src: Pixels, dst: Pixels, num_threads: int, stop: Stop) -> None:
        """Compute `dst`, block by block."""
        if self.kernel(src.shape, src.dtype) is not None:
            super().apply(src, dst, num_threads, stop)
            return
        height, width, channels = src.shape
        columns = min(width, max(BLOCK // channels, 1))
        rows = max(BLOCK // (columns * channels), 1)
        for top in range(0, height, rows):
            for left in range(0, width, columns):
                go_on(stop)
                block = np.s_[top : top + rows, left : left + columns]
                _convert(src[block], dst[block])


def _convert(src: Pixels, dst: Pixels) -> None:
    if src.dtype == dst.dtype:
        dst[...] = src
    elif src.dtype == FLOAT32:
        with np.errstate(invalid="ignore"):  # of a NaN that signals
            values = src.astype(np.float64)
            np.fmax(values, 0.0, out=values)  # of a number and NaN it takes the number
        np.fmin(values, 1.0, out=values)
        values *= np.iinfo(dst.dtype).max  # 24 bits and 16: no product is rounded
        dst[...] = np.rint(values, out=values)
    elif dst.dtype == FLOAT32:
        np.divide(src, np.float32(np.iinfo(src.dtype).max), out=dst, dtype=np.float32)
    elif dst.dtype == UINT8:
        dst[...] = (src.astype(np.uint32) + 128) // 257
    else:
        np.multiply(src, 257, out=dst, dtype=np.uint16)


@public(Convert)
def convert(
    image: Pixels, dtype: DTypeName = "uint8", *, out: Pixels | None = None, num_threads: int | None = None
) -> Pixels:
    """Change the depth of pixels: 8 or 16 bits, or floats from 0 to 1.

    With the largest value M of an integer type, 255 or 65535::

        integers to integers   result = round(image * M_result / M_image)
        integers to floats     result = image / M_image
        floats to integers     result = round(clamp(image, 0, 1) * M_result), and 0 for NaN

    Integers are exact: to 16 bits it is ``257 * image``, to 8 ``(image + 128) // 257``, of which none is a
    tie. Floats are the quotient, rounded once to float32. Of floats the product is computed without an error,
    and then rounded to nearest, ties to even. So integers come back from floats as they were, and bytes from
    16 bits. The same dtype is copied, floats as they are. Alpha is a channel like the others.

    Other operations take uint8 alone; in a pipeline `convert` comes before them.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides.
    dtype : {"uint8", "uint16", "float32"}
        That of the result.
    out, num_threads
        As for `mean_filter`, `out` of the result's dtype; only bytes are copied on several threads.

    Returns
    -------
    ndarray of `dtype`
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError, InvalidParameterError
        As for `mean_filter`, but for the dtypes, or `dtype` is none of these.

    Examples
    --------
    >>> convert(np.array([[0, 128, 129, 65535]], np.uint16))
    array([[  0,   0,   1, 255]], dtype=uint8)
    >>> convert(np.array([[-1, 0.5, 2, np.nan]], np.float32), "uint16")
    array([[    0, 32768, 65535,     0]], dtype=uint16)
    """
    return made(Convert, dtype)(image, out=out, num_threads=num_threads)
