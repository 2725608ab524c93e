"""What comes in: pixels, or a file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgsvc._images import Shape

__all__ = ["ImageFile", "RawImage", "Source"]


@dataclasses.dataclass(frozen=True)
class RawImage:
    """Pixels.

    Attributes
    ----------
    shape : tuple of int
        (H, W), (H, W, 3) or (H, W, 4).
    dtype : dtype
        uint8, uint16 or float32.
    pixels : ndarray or None
        None where only a plan is asked for.
    icc_profile : bytes or None
        What the values mean; None for sRGB.
    """

    shape: Shape
    dtype: np.dtype[Any]
    pixels: NDArray[Any] | None
    icc_profile: bytes | None = None

    @property
    def num_bytes(self) -> int:
        """The size of the pixels."""
        return 0 if self.pixels is None else self.pixels.nbytes


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """The bytes of an image file, of any format; for a plan the beginning is enough."""

    data: bytes | memoryview

    @property
    def num_bytes(self) -> int:
        """The size of the file."""
        return len(self.data)


Source = RawImage | ImageFile
