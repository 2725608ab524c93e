"""Operations on all channels of a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowModule
from PIL import ImageEnhance

from benchmarks.kernels.case import Case
from benchmarks.kernels.images import SHAPES, WITH_ALPHA
from benchmarks.kernels.peers import OpenCV, Pillow

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    from benchmarks.kernels.images import Image

RGB = tuple(name for name in SHAPES if name.endswith("rgb"))
SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
AMOUNT = 1.5
LUMA = (0.299, 0.587, 0.114)
SATURATING = (1 - AMOUNT) * np.array([LUMA] * 3) + AMOUNT * np.eye(3)


def pasted(image: PillowImage, _: Image) -> PillowImage:
    """Return the image over white."""
    below = PillowModule.new("RGB", image.size, "white")
    below.paste(image, mask=image)
    return below


CASES = (
    Case(
        "color-matrix",
        "colour matrix",
        "color_matrix",
        (
            # It rounds weights to 1/1024, and so adds products of 16 bits.
            OpenCV(
                lambda cv2, src, out: cv2.transform(src, np.array(SEPIA, np.float32), out),
                levels=1,
                floors=(1.0, 1.0),
            ),
            Pillow(
                lambda image, _: image.convert("RGB", [value for row in SEPIA for value in (*row, 0)]),
                levels=1,
            ),
        ),
        {"matrix": SEPIA},
        images=RGB,
    ),
    Case(
        "saturation",
        f"saturation {AMOUNT}",
        "saturation",
        (
            OpenCV(
                lambda cv2, src, out: cv2.transform(src, SATURATING.astype(np.float32), out),
                levels=1,
                floors=(1.0, 1.0),
            ),
            Pillow(lambda image, _: ImageEnhance.Color(image).enhance(AMOUNT), levels=2),
        ),
        {"amount": AMOUNT},
        images=RGB,
    ),
    Case(
        "flatten",
        "flatten",
        "flatten",
        (Pillow(pasted, floors=(None, None)),),
        images=tuple(WITH_ALPHA),
    ),
)
