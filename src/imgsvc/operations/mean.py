"""The mean of a neighbourhood."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from imgsvc import _dispatch
from imgsvc.operations.operation import Operation

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop


@dataclasses.dataclass(frozen=True)
class MeanFilter(Operation):
    """The mean over the 3×3 neighbourhood; see `mean_filter`."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`."""
        return shape

    def cost(self, shape: Shape) -> int:
        """Return twice the bytes."""
        return 2 * math.prod(shape)

    def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
        """Compute `dst`."""
        _dispatch.kernels().mean.mean_3x3(src, dst, num_threads, stop)


def mean_filter(image: Image, *, out: Image | None = None, num_threads: int | None = None) -> Image:
    """Replace each pixel by the mean of its 3×3 neighbourhood.

    ``result[y, x] = sum(N) // len(N)``, where ``N`` holds the pixel at ``(y, x)`` and those of its eight
    neighbours that lie inside the image: 9 values, 6 along an edge, 4 at a corner, fewer in images of one
    row or column. Channels are computed each by itself, alpha like the others. The result is exact, and the
    same at any number of threads and on any CPU. This is MeanFilter of the NLImageService contract.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides.
    out : ndarray of uint8, optional
        Where to write the result: of the image's shape, C-contiguous, not sharing memory with it.
    num_threads : int, optional
        Threads to use, 1 to 256. By default every core that the process may run on, or fewer for an image
        that is small.

    Returns
    -------
    ndarray of uint8
        Of the image's shape, C-contiguous; `out` where it was given.

    Raises
    ------
    InvalidImageError
        Another dtype or rank, an empty image, or an `out` that does not fit.
    InvalidParameterError
        `num_threads` is out of range.

    Examples
    --------
    >>> image = np.array([[13, 14, 15], [11, 12, 13], [7, 8, 9]], np.uint8)
    >>> mean_filter(image)
    array([[12, 13, 13],
           [10, 11, 11],
           [ 9, 10, 10]], dtype=uint8)
    """
    return MeanFilter()(image, out=out, num_threads=num_threads)
