"""Means over a window.

At the border `mean_filter` and NumPy take the mean of the neighbours that exist; OpenCV mirrors the image
(`BORDER_REFLECT_101`, its default and that of `box_blur`), Pillow repeats the edge. `mean_filter` and NumPy
round down, SciPy cuts after each of two passes, the others round to nearest, Pillow after each pass.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageFilter

from benchmarks.kernels.case import Case
from benchmarks.kernels.peers import NumPy, OpenCV, Pillow, SciPy

if TYPE_CHECKING:
    from benchmarks.kernels.images import Image

RADIUS = 7
SIDE = 2 * RADIUS + 1
WIDE_RADIUS = 20  # sums do not fit 16 bits
WIDE_SIDE = 2 * WIDE_RADIUS + 1


def mean_by_numpy(src: Image, out: Image) -> Image:
    """Add up nine shifted views of the image, and of ones for the number of neighbours, and divide."""
    height, width = src.shape[:2]
    total, count = np.zeros(src.shape, np.uint16), np.zeros((height, width), np.uint16)
    for dy, dx in itertools.product((-1, 0, 1), repeat=2):
        target = part(height, dy), part(width, dx)
        total[target] += src[part(height, -dy), part(width, -dx)]
        count[target] += 1
    count = count.reshape(height, width, *(1,) * (src.ndim - 2))
    return np.floor_divide(total, count, out=out, casting="unsafe")


def part(length: int, shift: int) -> slice:
    """Return the part of an axis that has neighbours at `shift`."""
    return slice(max(0, -shift), length - max(0, shift))


CASES = (
    Case(
        "mean_filter",
        "mean 3×3",
        "mean_filter",
        (
            OpenCV(lambda cv2, src, out: cv2.blur(src, (3, 3), out), levels=1, inset=1, floors=(1.15, 2.0)),
            Pillow(lambda image, _: image.filter(ImageFilter.BoxBlur(1)), levels=1, inset=1),
            NumPy(mean_by_numpy),
        ),
    ),
    Case(
        "box_blur-15x15",
        f"box blur {SIDE}×{SIDE}",
        "box_blur",
        (
            OpenCV(lambda cv2, src, out: cv2.blur(src, (SIDE, SIDE), out), levels=1, floors=(1.2, 2.0)),
            Pillow(lambda image, _: image.filter(ImageFilter.BoxBlur(RADIUS)), levels=1, inset=RADIUS),
            SciPy(
                lambda ndimage, src, out: ndimage.uniform_filter(
                    src, SIDE, output=out, mode="mirror", axes=(0, 1)
                ),
                levels=2,
            ),
        ),
        {"radius": RADIUS},
    ),
    Case(
        "box_blur-41x41",
        f"box blur {WIDE_SIDE}×{WIDE_SIDE}",
        "box_blur",
        (
            OpenCV(
                lambda cv2, src, out: cv2.blur(src, (WIDE_SIDE, WIDE_SIDE), out),
                levels=1,
                floors=(None, None),
            ),
        ),
        {"radius": WIDE_RADIUS},
    ),
)
