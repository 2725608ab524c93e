"""Operations on each pixel by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ImageOps

from benchmarks.kernels.case import Case
from benchmarks.kernels.images import SHAPES
from benchmarks.kernels.peers import NumPy, OpenCV, Pillow

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage

    from benchmarks.kernels.images import Image
    from benchmarks.kernels.peers import Floors, Peer

    Table = NDArray[np.uint8]

LEVELS = np.arange(256)

SHUFFLED: Table = np.random.default_rng(256).permutation(256).astype(np.uint8)
GAMMA = 2.2
LEVEL = 127
CONTRAST, BRIGHTNESS = 0.8, 10.0
OFFSET = 127.5 * (1 - CONTRAST) + BRIGHTNESS
"""What contrast about the middle and brightness add up to. No level becomes negative: `convertScaleAbs` would
mirror it."""


def by_table(table: Table, floors: Floors | None = (None, None), levels: int = 0) -> tuple[Peer, ...]:
    """Return the peers, who look each level up in a table."""

    def with_pillow(image: PillowImage, _: Image) -> PillowImage:
        return image.point(table.tolist() * len(image.getbands()))

    return (
        OpenCV(lambda cv2, src, out: cv2.LUT(src, table, out), floors=floors, levels=levels),
        Pillow(with_pillow, levels=levels),
        NumPy(lambda src, out: np.take(table, src, out=out), levels=levels),
    )


def threshold_by_opencv(cv2: Any, src: Image, out: Image) -> Image:
    """Return the image alone; OpenCV returns the level, too."""
    result: Image = cv2.threshold(src, LEVEL, 255, cv2.THRESH_BINARY, out)[1]
    return result


CASES = (
    Case(
        "lut",
        "lookup table",
        "lut",
        by_table(SHUFFLED, floors=(1.0, 1.2)),
        {"table": SHUFFLED},
    ),
    Case(
        "grayscale",
        "grayscale",
        "grayscale",
        (
            OpenCV(
                lambda cv2, src, out: cv2.cvtColor(src, cv2.COLOR_RGB2GRAY, out), levels=1, floors=(1.0, 1.2)
            ),
            Pillow(lambda image, _: image.convert("L"), levels=1),
        ),
        images=tuple(name for name in SHAPES if name.endswith("rgb")),
    ),
    Case(
        "adjust",
        "brightness and contrast",
        "adjust",
        (
            OpenCV(
                lambda cv2, src, out: cv2.convertScaleAbs(src, out, CONTRAST, OFFSET),
                levels=1,
                floors=(1.0, 1.2),
            ),
            *by_table(np.rint(CONTRAST * LEVELS + OFFSET).astype(np.uint8), floors=None, levels=1)[1:],
        ),
        {"brightness": BRIGHTNESS, "contrast": CONTRAST},
    ),
    Case(
        "gamma",
        f"gamma {GAMMA}",
        "gamma",
        by_table(np.rint(255 * (LEVELS / 255) ** GAMMA).astype(np.uint8), levels=1),
        {"gamma": GAMMA},
    ),
    Case(
        "invert",
        "invert",
        "invert",
        (
            OpenCV(lambda cv2, src, out: cv2.bitwise_not(src, out), floors=(None, None)),
            Pillow(lambda image, _: ImageOps.invert(image)),
            NumPy(lambda src, out: np.invert(src, out=out)),
        ),
    ),
    Case(
        "threshold",
        "threshold",
        "threshold",
        (
            OpenCV(threshold_by_opencv, floors=(None, None)),
            *by_table(np.where(LEVELS > LEVEL, 255, 0).astype(np.uint8), floors=None)[1:],
        ),
        {"level": LEVEL},
    ),
)
