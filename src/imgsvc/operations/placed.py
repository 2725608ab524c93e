"""Placed: an image in a size that is known, or a part of that. Framed: that upon a canvas."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imgsvc import _dispatch
from imgsvc.operations import filters
from imgsvc.operations.affine import scaled
from imgsvc.operations.alpha import Alpha, is_weighted, with_alpha
from imgsvc.operations.by_size import Resampling
from imgsvc.operations.colors import Color, levels_of
from imgsvc.operations.filters import NEAREST
from imgsvc.operations.fitting import Fitted
from imgsvc.operations.geometry import Pad
from imgsvc.operations.interest import best_offset, check_looked_at, looking_bytes, looking_cost
from imgsvc.operations.scratch import channels_of, for_threads

if TYPE_CHECKING:
    from imgsvc._door import Kernel
    from imgsvc._images import Image, Shape
    from imgsvc._stop import Stop
    from imgsvc.operations.affine import Affine

__all__ = ["Framed", "Placed"]

# Of ``kernels/resampling.pxd``: columns of the result in a chunk, bytes of a row of the source at a time,
# rows that are computed side by side, and floats of a cache line; rows of the source at a time whose colours
# are weighted by alpha.
TILE, STRIP, GROUP, LINE = 256, 1024, 16, 16
WEIGHTED_ROWS = 8

WIDE = 16
"""Rows of a window from which on the products outweigh all else."""

LONG = 100
"""Rows of a window, of a strip each, beyond what the first cache holds of them."""


@dataclasses.dataclass(frozen=True)
class Placed(Resampling):
    """What `Resize` becomes for images of one size.

    Of an image that is cut off only what is seen is computed: these are the pixels that it has as a whole.
    """

    name: ClassVar[str] = "resize"

    fitted: Fitted
    resample: str
    alpha: Alpha
    background: Color
    position: str = ""
    """What the image is cut by, if that depends on what it shows."""

    @property
    def looks(self) -> bool:
        """Whether what is cut off depends on what the image shows."""
        return bool(self.position)

    def seen(self, image: Image, num_threads: int | None, stop: Stop) -> Placed:
        """Return what becomes of an image of which it is known what is cut off."""
        if not self.looks:
            return self
        size, canvas = self.fitted.size, self.fitted.canvas
        top, left = best_offset(image, size, canvas, self.position, num_threads=num_threads, stop=stop)
        fitted = self.fitted._replace(offset=(-top, -left))
        return dataclasses.replace(self, fitted=fitted, position="")

    @property
    def _seen(self) -> tuple[slice, slice]:
        """The rows and columns of the image in its new size that are in the result."""
        (height, width), (top, left), (rows, columns) = self.fitted
        return slice(max(-top, 0), min(height, rows - top)), slice(max(-left, 0), min(width, columns - left))

    def _seen_size(self) -> tuple[int, int]:
        rows, columns = self._seen
        return rows.stop - rows.start, columns.stop - columns.start

    def _is_copy(self, shape: Shape) -> bool:
        return self.fitted.size == shape[:2]

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result."""
        if self.looks:
            check_looked_at(shape)
        return (*self.fitted.canvas, *shape[2:])

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image of `shape` are in the result."""
        return scaled(shape[:2], self.fitted.size, self.fitted.offset)

    def taps_of(self, source: int, size: int) -> int:
        """Return how many pixels of an axis one of the result is made of, at most."""
        return 1 if self.resample == NEAREST else filters.most_taps(source, size, self.resample)

    def cost(self, shape: Shape) -> int:
        """Return what it costs to look at the image, if that is done, and to make the result."""
        return self._cost(shape) + (looking_cost(shape) if self.looks else 0)

    def _cost(self, shape: Shape) -> int:
        """Return half the bytes of both images, two thirds of the products, and what makes the tables.

        All of the products of rows, where a window's do not fit a first-level cache; and all of the bytes,
        where colours are weighted. A canvas is copied to.
        """
        height, width = shape[:2]
        if self.resample == NEAREST:
            return self._nearest_cost(shape, channels_of(shape))
        rows, columns = self._seen_size()
        tables = sum(map(filters.windows_cost, shape[:2], self.fitted.size, [self.resample] * 2))
        taps = self.taps_of(height, self.fitted.size[0])
        of_rows = rows * math.prod(shape[1:]) * taps
        seen = rows * columns * channels_of(shape)
        products = 2 * seen * self.taps_of(width, self.fitted.size[1]) // 3
        products += of_rows if taps > LONG else 2 * of_rows // 3
        num_bytes = math.prod(shape) + seen
        half = num_bytes if is_weighted(self.alpha, shape) else num_bytes // 2
        return half + products + tables + self._canvas_bytes(shape)

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return the same for an image of `dtype`, whose tables are no longer."""
        if self.resample == NEAREST:
            looking = looking_cost(shape) if self.looks else 0
            return self._nearest_cost(shape, channels_of(shape) * dtype.itemsize) + looking
        return self.cost(shape)

    def _nearest_cost(self, shape: Shape, pixel_bytes: int) -> int:
        rows, columns = self._seen_size()
        # Where pixels are left out, each that is not comes with a line of the cache.
        gap = min(3 * (shape[1] // self.fitted.size[1]), LINE)
        tables = sum(map(filters.nearest_cost, self.fitted.size))
        return rows * columns * (2 * pixel_bytes + gap) + tables + self._canvas_bytes(shape)

    def _canvas_bytes(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) if self.fitted.is_padded else 0

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return whether it computes, how many rows windows have, and whether colours are weighted."""
        if self._is_copy(shape):
            return "copy"
        if self.resample == NEAREST:
            return "select"
        taps = self.taps_of(shape[0], self.fitted.size[0])
        name = "resample" + (" long windows" if taps > LONG else " wide windows" if taps > WIDE else "")
        return with_alpha(name, self.alpha, shape)

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return the bytes of both axes' tables, of making them, and of sixteen rows for each thread.

        And those of the image itself, where it is put upon a canvas, and what it takes to look at it.
        """
        looking = looking_bytes(shape, num_threads) if self.looks else 0
        return max(looking, self._making_bytes(shape, num_threads))

    def _making_bytes(self, shape: Shape, num_threads: int) -> int:
        size = self.fitted.size
        taps = list(map(self.taps_of, shape[:2], size))
        making = max(map(filters.making_bytes, size, taps))
        kept = self.table_bytes(shape)
        if self.fitted.is_padded:
            kept += math.prod(self._seen_size()) * channels_of(shape) * (4 if self.deep else 1)
        if self.resample == NEAREST:
            return kept + making
        channels = channels_of(shape)
        strip = min(shape[1], STRIP // channels)
        pitch = (strip * channels // LINE + 2) * LINE
        sums = min(size[1], TILE) * channels * GROUP
        rows = GROUP + (WEIGHTED_ROWS if is_weighted(self.alpha, shape) else 0)
        scratch = 4 * (rows * pitch + strip * channels * GROUP + sums) + sums
        return kept + making + for_threads(scratch, num_threads)

    def table_bytes(self, shape: Shape) -> int:
        """Return the bytes of both axes' tables."""
        if self.resample == NEAREST:
            return sum(map(filters.nearest_bytes, self.fitted.size))
        return sum(map(filters.windows_bytes, shape[:2], self.fitted.size, [self.resample] * 2))

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel | None:
        """Return what computes the part of the image that is seen; None as long as nobody has looked."""
        return None if self.looks else self.kernel_of_seen(shape, stop)

    def kernel_of_seen(self, shape: Shape, stop: Stop | None) -> Kernel:
        """Return the same, of which there is always one."""
        kernels = _dispatch.kernels()
        (height, width), size = shape[:2], self.fitted.size
        rows, columns = self._seen
        if self._is_copy(shape):
            return kernels.Copy(columns.start, rows.start)
        if self.resample == NEAREST:
            return kernels.Select(
                filters.nearest(height, size[0])[rows], filters.nearest(width, size[1])[columns]
            )
        return kernels.Resample(
            filters.windows(height, size[0], self.resample, stop).of(rows),
            filters.windows(width, size[1], self.resample, stop).of(columns),
            is_weighted(self.alpha, shape),
        )


class Framed(Placed):
    """An image upon a canvas of which there is more than of the image."""

    name: ClassVar[str] = "resize"

    def kernel(self, shape: Shape, dtype: np.dtype[Any], stop: Stop | None = None) -> Kernel | None:
        """Return None: there are two, one for the image and one for what is around it."""
        return None

    def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
        """Compute the image, and copy it into `dst` with what is around it."""
        seen = np.empty((*self._seen_size(), *src.shape[2:]), src.dtype)
        self.kernel_of_seen(src.shape, stop)(src, seen, num_threads, stop)
        top, left = (max(before, 0) for before in self.fitted.offset)
        levels = levels_of(self.background, channels_of(src.shape), src.dtype)
        right, bottom = dst.shape[1] - left - seen.shape[1], dst.shape[0] - top - seen.shape[0]
        frame = Pad(left, top, right, bottom, fill=levels)
        if not stop.stopped:
            frame.apply(seen, dst, num_threads, stop)
