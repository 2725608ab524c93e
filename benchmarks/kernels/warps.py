"""Turns by some degrees, in the size of the image, and an affine map.

OpenCV's fractions of a pixel are other ones, and its cubic weights have a = -0.75; where places are rounded
to the nearest pixel, those in the middle between two go either way, in noise by any number of levels.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from PIL.Image import Resampling

from benchmarks.kernels.case import Case
from benchmarks.kernels.peers import OpenCV, Pillow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image as PillowImage

    from benchmarks.kernels.images import Image, Shape
    from benchmarks.kernels.peers import Floors, Peer

LARGE = ("4000x3000-rgb", "4000x3000-gray")
IMAGES = (*LARGE, "640x480-rgb")

ANY = 255
FILTERS: dict[str, tuple[str, int, Floors]] = {
    "nearest": ("INTER_NEAREST", ANY, (1.0, 1.0)),
    "bilinear": ("INTER_LINEAR", 3, (1.3, 1.4)),
    "bicubic": ("INTER_CUBIC", 40, (1.0, 1.0)),
}
"""OpenCV's constant, how far its result may be, and how many times as fast imgsvc is to be on a large one."""

PILLOWS = {
    "nearest": Resampling.NEAREST,
    "bilinear": Resampling.BILINEAR,
    "bicubic": Resampling.BICUBIC,
}


def turn(degrees: float, shape: Shape) -> list[list[float]]:
    """Return the matrix of a turn around the centre, as getRotationMatrix2D has it."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    return [[cosine, sine, (1 - cosine) * x - sine * y], [-sine, cosine, sine * x + (1 - cosine) * y]]


@dataclasses.dataclass(frozen=True, eq=False)
class Warping(Case):
    """A turn as a matrix, which depends on the image's size."""

    degrees: float = 0

    def parameters_for(self, shape: Shape) -> Mapping[str, Any]:
        return {**self.parameters, "matrix": turn(self.degrees, shape)}


def by_opencv(resample: str, degrees: float, image: str) -> Peer:
    """Return OpenCV, which makes a matrix first."""
    constant, levels, floors = FILTERS[resample]
    if image not in LARGE:
        floors = None, None

    def work(cv2: Any, src: Image, out: Image) -> Any:
        centre = (src.shape[1] - 1) / 2, (src.shape[0] - 1) / 2
        matrix = cv2.getRotationMatrix2D(centre, degrees, 1)
        return cv2.warpAffine(src, matrix, src.shape[1::-1], out, flags=getattr(cv2, constant))

    return OpenCV(work, levels=levels, floors=floors)


def by_pillow(resample: str, degrees: float) -> Peer:
    """Return Pillow, whose turns are by the same angle around another centre."""

    def work(image: PillowImage, out: Image) -> PillowImage:
        del out
        return image.rotate(degrees, PILLOWS[resample])

    return Pillow(work, levels=ANY)


def rotation(degrees: int, resample: str, image: str) -> Case:
    """Return the case of an angle."""
    return Case(
        f"rotate-{degrees}-{resample}",
        f"rotate by {degrees}°, {resample}",
        "rotate",
        (by_opencv(resample, degrees, image), by_pillow(resample, degrees)),
        {"degrees": degrees, "expand": False, "resample": resample},
        images=(image,),
    )


def warping(resample: str, image: str) -> Case:
    """Return the case of a matrix."""
    degrees = 20
    return Warping(
        f"warp_affine-{resample}",
        f"affine map, {resample}",
        "warp_affine",
        (by_opencv(resample, degrees, image),),
        {"resample": resample},
        images=(image,),
        degrees=degrees,
    )


CASES = (
    *(rotation(degrees, resample, image) for image in IMAGES for degrees in (10, 30) for resample in FILTERS),
    *(warping(resample, image) for image in IMAGES for resample in FILTERS),
)
