"""The mean filter by imgsvc and its peers, and how far each may be from the NumPy one.

At the border imgsvc and NumPy take the mean of the neighbours that exist; OpenCV mirrors the image
(`BORDER_REFLECT_101`, its default), Pillow repeats the edge. imgsvc and NumPy round down, the others to
nearest, Pillow after each of two passes. So the peers are checked inside the border, to one level.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter

import imgsvc
from benchmarks.kernels.cases import make_image, opencv

if TYPE_CHECKING:
    from benchmarks.kernels.cases import Call, Contender, Image


def with_imgsvc(src: Image, threads: int) -> Call:
    out = np.empty_like(src)
    return lambda: imgsvc.mean_filter(src, out=out, num_threads=threads)


def with_opencv(src: Image, threads: int) -> Call:
    cv2 = opencv(threads)
    dst = np.empty_like(src)
    return lambda: cv2.blur(src, (3, 3), dst)


def with_pillow(src: Image, _threads: int) -> Call:
    image, box = PillowImage.fromarray(src), ImageFilter.BoxBlur(1)
    return lambda: image.filter(box)


def with_numpy(src: Image, _threads: int) -> Call:
    """Add up nine shifted views of the image, and of ones for the number of neighbours, and divide."""
    height, width = src.shape[:2]
    shifts = [
        ((part(height, dy), part(width, dx)), (part(height, -dy), part(width, -dx)))
        for dy, dx in itertools.product((-1, 0, 1), repeat=2)
    ]
    out, total, count = np.empty_like(src), np.empty(src.shape, np.uint16), np.zeros(src.shape, np.uint16)
    for target, _ in shifts:
        count[target] += 1

    def call() -> Image:
        total.fill(0)
        for target, source in shifts:
            np.add(total[target], src[source], out=total[target])
        return np.floor_divide(total, count, out=out, casting="unsafe")

    return call


def part(length: int, shift: int) -> slice:
    """Return the part of an axis that has neighbours at `shift`."""
    return slice(max(0, -shift), length - max(0, shift))


CONTENDERS: dict[str, Contender] = {
    "imgsvc": with_imgsvc,
    "opencv": with_opencv,
    "pillow": with_pillow,
    "numpy": with_numpy,
}


@functools.cache
def reference(image: str) -> Image:
    """Return the right result for an image, computed once a run."""
    result: Image = with_numpy(make_image(image), 1)()
    return result


def check(contender: str, image: str, result: Any) -> None:
    """Assert that a contender computed what it should."""
    result, expected = np.asarray(result), reference(image)
    if contender in ("imgsvc", "numpy"):
        np.testing.assert_array_equal(result, expected)
    else:
        assert result.shape == expected.shape
        difference = np.subtract(result, expected, dtype=np.int16)
        assert np.abs(difference[1:-1, 1:-1]).max() <= 1
