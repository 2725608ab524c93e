"""Who does the same work as imgsvc: how they are called, and how far their results may be from imgsvc's.

Nothing is imported before it is called: imgsvc's own benchmarks run without any of them.
"""

from __future__ import annotations

import abc
import dataclasses
import importlib.metadata
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PIL import Image as PillowImage

from benchmarks.needs import OPENCV, SCIPY

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from benchmarks.kernels.images import Image
    from benchmarks.needs import Need

    Call = Callable[[], Any]
    Floors = tuple[float | None, float | None]
    """How many times as fast as a peer imgsvc is to be, with one thread and with two."""


@dataclasses.dataclass(frozen=True)
class Peer(abc.ABC):
    """Somebody's way to do the work of a case.

    Parameters
    ----------
    work
        Does it; what it is given, the subclasses say. It returns the result.
    levels, inset
        How far the result may be from imgsvc's, except for so many pixels along each edge.
    floors
        With them imgsvc is timed in turn with this peer: how many times as fast it is to be.
    name
        Tells two peers of a case apart.
    """

    work: Callable[..., Any] = dataclasses.field(repr=False)
    levels: int = 0
    inset: int = 0
    floors: Floors | None = None
    name: str = ""

    package: ClassVar[str]
    label: ClassVar[str]
    threads: ClassVar[tuple[int, ...]] = (1,)
    need: ClassVar[Need | None] = None
    is_slow: ClassVar[bool] = False  # takes seconds for some of the work on a large image

    @abc.abstractmethod
    def call(self, src: Image, out: Image, threads: int) -> Call:
        """Prepare a call: all that need not be timed happens here."""

    @property
    def full_name(self) -> str:
        """What it is called in the name of a benchmark."""
        return f"{self.label.lower()}-{self.name}" if self.name else self.label.lower()

    @property
    def title(self) -> str:
        """What it is called in a table."""
        return f"{self.label} {self.name}" if self.name else self.label

    @property
    def marks(self) -> tuple[pytest.MarkDecorator, ...]:
        """What marks a benchmark of it."""
        return () if self.need is None else (self.need.mark,)

    @property
    def version(self) -> str:
        """The version of its package."""
        return importlib.metadata.version(self.package)


class OpenCV(Peer):
    """``work(cv2, src, out)``, on as many threads as imgsvc."""

    package = "opencv-python-headless"
    label = "OpenCV"
    threads = (1, 2)
    need = OPENCV

    def call(self, src: Image, out: Image, threads: int) -> Call:
        import cv2  # noqa: PLC0415 - it may be missing

        cv2.setNumThreads(threads)
        return lambda: self.work(cv2, src, out)


class Pillow(Peer):
    """``work(image, out)``, where `out` only tells the size."""

    package = "pillow"
    label = "Pillow"

    def call(self, src: Image, out: Image, threads: int) -> Call:  # noqa: ARG002 - it knows one thread only
        image = PillowImage.fromarray(src)
        return lambda: self.work(image, out)


class NumPy(Peer):
    """``work(src, out)``."""

    package = "numpy"
    label = "NumPy"

    def call(self, src: Image, out: Image, threads: int) -> Call:  # noqa: ARG002 - it knows one thread only
        return lambda: self.work(src, out)


class SciPy(Peer):
    """``work(ndimage, src, out)``."""

    package = "scipy"
    label = "SciPy"
    need = SCIPY
    is_slow = True

    def call(self, src: Image, out: Image, threads: int) -> Call:  # noqa: ARG002 - it knows one thread only
        from scipy import ndimage  # noqa: PLC0415 - it may be missing

        return lambda: self.work(ndimage, src, out)


def plain_copy(src: Image, out: Image) -> Image:
    """Copy, as a peer's work: what no kernel that reads and writes as many bytes can be faster than."""
    np.copyto(out, src)
    return out
