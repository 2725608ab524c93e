"""Operations that are another one, `Placed`, for images of each size."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from imgsvc.operations.operation import Operation
from imgsvc.operations.placed import NEAREST

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._door import Kernel, Prepared
    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.affine import Affine
    from imgsvc.operations.placed import Placed

__all__ = ["Placing"]


class Placing(Operation):
    """An operation that gives images another size, or a place on a canvas."""

    resample: str

    @abc.abstractmethod
    def placed(self, shape: Shape) -> Placed:
        """Return what becomes of an image of `shape`, all sizes known.

        Raises
        ------
        InvalidParameterError
            The result would be beyond reason.
        """

    def seen(self, image: Image, num_threads: int | None, stop: Stop) -> Operation:
        """Return what `Placed.seen` does."""
        return self.placed(image.shape).seen(image, num_threads, stop)

    @property
    def deep(self) -> bool:
        """Whether it takes images of more than 8 bits, too: it does where it computes nothing."""
        return self.resample == NEAREST

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result, if its sizes are none beyond reason for an image of `shape`."""
        return self.placed(shape).output_shape(shape)

    def mapping(self, shape: Shape) -> Affine:
        """Return what `Placed.mapping` does."""
        return self.placed(shape).mapping(shape)

    def cost(self, shape: Shape) -> int:
        """Return what `Placed.cost` does."""
        return self.placed(shape).cost(shape)

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return what `Placed.cost_of` does."""
        return self.placed(shape).cost_of(shape, dtype)

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return what `Placed.routine` does."""
        return self.placed(shape).routine(shape, dtype)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return what `Placed.scratch_bytes` does."""
        return self.placed(shape).scratch_bytes(shape, num_threads)

    def table_bytes(self, shape: Shape) -> int:
        """Return what `Placed.table_bytes` does."""
        return self.placed(shape).table_bytes(shape)

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel | None:
        """Return what computes the result; None where it is put upon a canvas."""
        return self.placed(shape).kernel(shape, dtype, stop)

    def prepared(self, shape: Shape, dtype: np.dtype[Any]) -> Prepared | None:
        """Return the kernel with all that is known of such images, if there is one."""
        return self.placed(shape).prepared(shape, dtype)

    def compute(self, image: Image, out: Image, num_threads: int | None, stop: Stop) -> None:
        """Compute as `Placed` does."""
        self.placed(image.shape).compute(image, out, num_threads, stop)
