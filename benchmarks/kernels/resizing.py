"""Images made smaller, to a fifth or a quarter of each side.

Pillow's filters grow with the scale, as imgsvc's do. OpenCV's do not, except for `INTER_AREA`: the others
leave most pixels out, which is another piece of work. Pillow rounds and clamps between its two passes, which
is seen most in filters with negative weights.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from PIL import ImageOps
from PIL.Image import Resampling

from benchmarks.kernels.case import Case
from benchmarks.kernels.peers import OpenCV, Pillow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image as PillowImage

    from benchmarks.kernels.images import Image, Shape
    from benchmarks.kernels.peers import Floors, Peer

GRAY = 114
RGB = ("4000x3000-rgb", "640x480-rgb")
SIZES = {(3000, 4000): (800, 600), (480, 640): (160, 120), (64, 64): (16, 16)}
"""The width and height to resize to, by the image's height and width."""


@dataclasses.dataclass(frozen=True, eq=False)
class Resizing(Case):
    """Resizing to the size that belongs to the image's."""

    def parameters_for(self, shape: Shape) -> Mapping[str, Any]:
        width, height = SIZES[shape[0], shape[1]]
        return {**self.parameters, "width": width, "height": height}


@dataclasses.dataclass(frozen=True, eq=False)
class Letterboxing(Case):
    """A square as wide as the image becomes by `Resizing`."""

    def parameters_for(self, shape: Shape) -> Mapping[str, Any]:
        width, _ = SIZES[shape[0], shape[1]]
        return {**self.parameters, "width": width, "height": width}


def padded_by_pillow(image: PillowImage, out: Image) -> PillowImage:
    """Return what Pillow has for letterboxes."""
    gray = (GRAY,) * len(image.getbands())
    return ImageOps.pad(image, (out.shape[1], out.shape[0]), Resampling.BILINEAR, gray)


def resizing(resample: str, *peers: Peer) -> Case:
    """Return the case of a filter."""
    return Resizing(f"resize-{resample}", f"resize, {resample}", "resize", peers, {"resample": resample})


def by_opencv(interpolation: str, levels: int, floors: Floors | None = None) -> Peer:
    """Return OpenCV, by the name of its constant."""

    def work(cv2: Any, src: Image, out: Image) -> Any:
        return cv2.resize(src, out.shape[1::-1], out, interpolation=getattr(cv2, interpolation))

    return OpenCV(work, levels=levels, floors=floors)


def by_pillow(filter_: Resampling, floors: Floors | None = None) -> Peer:
    """Return Pillow, with one of its filters."""

    def work(image: PillowImage, out: Image) -> PillowImage:
        return image.resize((out.shape[1], out.shape[0]), filter_)

    levels = {Resampling.NEAREST: 0, Resampling.BICUBIC: 2, Resampling.LANCZOS: 2}.get(filter_, 1)
    return Pillow(work, levels=levels, floors=floors)


CASES = (
    resizing("nearest", by_opencv("INTER_NEAREST_EXACT", levels=0), by_pillow(Resampling.NEAREST)),
    resizing("box", by_opencv("INTER_AREA", levels=1, floors=(0.8, 1.0)), by_pillow(Resampling.BOX)),
    resizing("bilinear", by_pillow(Resampling.BILINEAR, floors=(3.0, 5.0))),
    resizing("bicubic", by_pillow(Resampling.BICUBIC)),
    Letterboxing(
        "letterbox",
        "letterbox",
        "letterbox",
        (Pillow(padded_by_pillow, levels=1, floors=(None, None)),),
        images=RGB,
    ),
    resizing("lanczos", by_pillow(Resampling.LANCZOS, floors=(3.0, 5.0))),
)
