"""Operations that are another one, all sizes known, for images of each size."""

from __future__ import annotations

import abc
import functools
from typing import TYPE_CHECKING, Any

from imgsvc.operations.filters import NEAREST
from imgsvc.operations.operation import Operation

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._door import Kernel, Prepared
    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.affine import Affine

__all__ = ["BySize", "Resampling"]


class Resampling(Operation):
    """An operation that takes pixels from between those of an image."""

    resample: str

    @property
    def deep(self) -> bool:
        """Whether it takes images of more than 8 bits, too: it does where it computes nothing."""
        return self.resample == NEAREST


class BySize(Resampling):
    """An operation that becomes another for images of each size, which knows how to do it."""

    def of_size(self, shape: Shape) -> Operation:
        """Return what it is for images of `shape`, which is asked for several times in a call.

        Raises
        ------
        InvalidParameterError
            The result would be beyond reason.
        """
        return _made_for(self, shape)

    @abc.abstractmethod
    def made_for(self, shape: Shape) -> Operation:
        """Make what `of_size` returns."""

    def seen(self, image: Image, num_threads: int | None, stop: Stop) -> Operation:
        """Return what that of the size does."""
        return self.of_size(image.shape).seen(image, num_threads, stop)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result, if its sizes are none beyond reason for an image of `shape`."""
        return self.of_size(shape).output_shape(shape)

    def mapping(self, shape: Shape) -> Affine:
        """Return what that of the size does."""
        return self.of_size(shape).mapping(shape)

    def cost(self, shape: Shape) -> int:
        """Return what that of the size does."""
        return self.of_size(shape).cost(shape)

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return what that of the size does."""
        return self.of_size(shape).cost_of(shape, dtype)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return what that of the size does."""
        return self.of_size(shape).routine(shape, dtype)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return what that of the size does."""
        return self.of_size(shape).scratch_bytes(shape, num_threads)

    def table_bytes(self, shape: Shape) -> int:
        """Return what that of the size does."""
        return self.of_size(shape).table_bytes(shape)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel | None:
        """Return what computes the result, if it is one kernel."""
        return self.of_size(shape).kernel(shape, dtype, stop)

    def prepared(self, shape: Shape, dtype: np.dtype[Any]) -> Prepared | None:
        """Return the kernel with all that is known of such images, if there is one."""
        return self.of_size(shape).prepared(shape, dtype)

    def compute(self, image: Image, out: Image, num_threads: int | None, stop: Stop) -> None:
        """Compute as that of the size does."""
        self.of_size(image.shape).compute(image, out, num_threads, stop)


@functools.lru_cache(maxsize=512)
def _made_for(operation: BySize, shape: Shape) -> Operation:
    return operation.made_for(shape)
