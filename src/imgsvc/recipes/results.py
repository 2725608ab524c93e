"""What comes out: pixels, a file, or the reason why not."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgsvc._images import Shape
    from imgsvc.recipes.placement import Placement

__all__ = ["EncodedResult", "FailedResult", "RawResult", "Result"]


@dataclasses.dataclass(frozen=True)
class RawResult:
    """An output that is pixels: a server's are written when the answer is drafted, a client's are a view."""

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    icc_profile: bytes | None = None
    notes: tuple[str, ...] = ()
    pixels: NDArray[Any] | None = None
    placement: Placement | None = None
    """None where each pixel is where it was."""

    @property
    def size(self) -> int:
        """The bytes of its pixels."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclasses.dataclass(frozen=True)
class EncodedResult:
    """An output that is a file."""

    name: str
    data: bytes | memoryview
    format: str | None
    width: int
    height: int
    notes: tuple[str, ...] = ()
    placement: Placement | None = None


@dataclasses.dataclass(frozen=True)
class FailedResult:
    """An output that could not be made; `code` is a gRPC status."""

    name: str
    code: int
    message: str
    field: str = ""


Result = RawResult | EncodedResult | FailedResult
