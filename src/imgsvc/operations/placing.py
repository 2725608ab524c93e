"""Operations that give images another size, or a place on a canvas."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from imgsvc.operations.by_size import BySize

if TYPE_CHECKING:
    from imgsvc._images import Shape
    from imgsvc.operations.placed import Placed

__all__ = ["Placing"]


class Placing(BySize):
    """An operation that is `Placed` for images of each size."""

    @abc.abstractmethod
    def placed(self, shape: Shape) -> Placed:
        """Return what becomes of an image of `shape`, all sizes known.

        Raises
        ------
        InvalidParameterError
            The result would be beyond reason.
        """

    def of_size(self, shape: Shape) -> Placed:
        """Return what `placed` does."""
        return self.placed(shape)
