"""The operations: one frozen dataclass each, and the public function that runs it on one image.

An operation knows its parameters and what they may be (checked when it is made), the shape of its result
for a given image, and how to compute it.
"""

from __future__ import annotations

import abc
import dataclasses
import operator
from typing import TYPE_CHECKING

import numpy as np

from imgsvc._dispatch import kernels
from imgsvc._images import as_rows, check_image, check_out
from imgsvc._stop import Stop
from imgsvc._threads import check_num_threads, threads_for
from imgsvc.errors import InvalidParameterError, StoppedError

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape

__all__ = ["MeanFilter", "Operation", "Rotate90", "mean_filter", "rotate90"]


class Operation(abc.ABC):
    """Something that makes one image of another."""

    @abc.abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result for an image of `shape`."""

    @abc.abstractmethod
    def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
        """Compute `dst`, C-contiguous, from `src`, with contiguous rows; both (H, W, C) and checked."""

    def __call__(
        self,
        image: Image,
        *,
        out: Image | None = None,
        num_threads: int | None = None,
        stop: Stop | None = None,
    ) -> Image:
        """Check `image`, `out` and `num_threads`, and run the operation as `compute` does."""
        image = check_image(image)
        num_threads = check_num_threads(num_threads)
        shape = self.output_shape(image.shape)
        out = np.empty(shape, np.uint8) if out is None else check_out(out, shape, image)
        self.compute(image, out, num_threads, stop or Stop())
        return out

    def compute(self, image: Image, out: Image, num_threads: int | None, stop: Stop) -> None:
        """Run the operation on what has been checked, or was made to fit.

        Raises
        ------
        StoppedError
            `stop` said so before it was done; `out` holds a part of the result.
        """
        self.apply(as_rows(image), as_rows(out), threads_for(image.size, num_threads), stop)
        if stop.stopped:
            raise StoppedError(cancelled=stop.cancelled)


@dataclasses.dataclass(frozen=True)
class MeanFilter(Operation):
    """The mean over the 3×3 neighbourhood; see `mean_filter`."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`."""
        return shape

    def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
        """Compute `dst`."""
        kernels().mean_3x3(src, dst, num_threads, stop)


@dataclasses.dataclass(frozen=True)
class Rotate90(Operation):
    """Quarter turns counter-clockwise; see `rotate90`."""

    turns: int = 1

    def __post_init__(self) -> None:
        """Reduce `turns` modulo 4."""
        try:
            turns = operator.index(self.turns)
        except TypeError:
            raise InvalidParameterError(
                "turns", repr(self.turns), "an integer: the number of quarter turns"
            ) from None
        object.__setattr__(self, "turns", turns % 4)

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`, with rows and columns exchanged for one and three turns."""
        return (shape[1], shape[0], *shape[2:]) if self.turns % 2 else shape

    def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
        """Compute `dst`."""
        run = kernels()
        # Reversing the rows of one side makes a turn of a transposition or a mirror image.
        match self.turns:
            case 1:
                run.transpose(src, dst[::-1], num_threads, stop)
            case 2:
                run.mirror(src, dst[::-1], num_threads, stop)
            case 3:
                run.transpose(src[::-1], dst, num_threads, stop)
            case _:
                run.copy(src, dst, num_threads, stop)


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


def rotate90(
    image: Image, turns: int = 1, *, out: Image | None = None, num_threads: int | None = None
) -> Image:
    """Rotate by quarter turns, counter-clockwise.

    For one turn ``result[y, x] = image[x, W - 1 - y]``, with ``W`` the image's width; as `numpy.rot90`.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Any strides.
    turns : int
        The number of quarter turns, taken modulo 4; negative is clockwise. A multiple of 4 copies.
    out : ndarray of uint8, optional
        Where to write the result: of the result's shape, C-contiguous, not sharing memory with `image`.
    num_threads : int, optional
        Threads to use, 1 to 256. By default every core that the process may run on, or fewer for an image
        that is small.

    Returns
    -------
    ndarray of uint8
        C-contiguous, with rows and columns exchanged for an odd number of turns; `out` where it was given.

    Raises
    ------
    InvalidImageError
        Another dtype or rank, an empty image, or an `out` that does not fit.
    InvalidParameterError
        `turns` is no integer, or `num_threads` is out of range.

    Examples
    --------
    >>> rotate90(np.array([[1, 2, 3]], np.uint8))
    array([[3],
           [2],
           [1]], dtype=uint8)
    """
    return Rotate90(turns)(image, out=out, num_threads=num_threads)
