"""Other depths of pixels."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc import _dispatch
from imgsvc._images import DTYPES, UINT8, DTypeName
from imgsvc.operations.operation import Deep, SameShape, made, public
from imgsvc.operations.parameters import one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc._stop import Stop

    Pixels = NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Convert(Deep, SameShape):
    """The image with pixels of another depth; see `convert`."""

    dtype: DTypeName = "uint8"

    def __post_init__(self) -> None:
        """Check `dtype`."""
        one_of("dtype", self.dtype, DTYPES)

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return `dtype` of the parameters."""
        return DTYPES[self.dtype]

    def cost(self, shape: Shape) -> int:
        """Return the bytes of the result."""
        return math.prod(shape) * DTYPES[self.dtype].itemsize

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return the bytes of the longer of both."""
        return math.prod(shape) * max(dtype.itemsize, DTYPES[self.dtype].itemsize)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return from what to what."""
        return f"convert {dtype} to {self.dtype}"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel:
        """Return what computes the result."""
        kernels = _dispatch.kernels()
        result = DTYPES[self.dtype]
        return kernels.Copy() if dtype == result else kernels.Convert(dtype.itemsize, result.itemsize)


def as_bytes(image: Image, num_threads: int | None, stop: Stop) -> Image:
    """Return an image of 8 bits, by which one of more is looked at: as `convert` makes it; itself, if it is.

    Raises
    ------
    StoppedError
        `stop` said so.
    """
    if image.dtype == UINT8:
        return image
    result = np.empty(image.shape, np.uint8)
    Convert().compute(image, result, num_threads, stop)
    return result


@public(Convert)
def convert(
    image: ImageLike, dtype: DTypeName = "uint8", *, out: Pixels | None = None, num_threads: int | None = None
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

    Operations that compute take uint8 alone; in a pipeline `convert` comes before them.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides; or another image that `imgsvc.process` takes.
    dtype : {"uint8", "uint16", "float32"}
        That of the result.
    out, num_threads
        As for `mean_filter`, `out` of the result's dtype.

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
