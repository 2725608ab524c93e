"""Quarter turns by imgsvc and its peers. Everybody's result is the same."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage

import imgsvc
from benchmarks.kernels.cases import make_image, opencv

if TYPE_CHECKING:
    from benchmarks.kernels.cases import Call, Contender, Image


def out_for(src: Image, turns: int) -> Image:
    return np.empty(np.rot90(src, turns).shape, np.uint8)


def with_imgsvc(src: Image, threads: int, turns: int) -> Call:
    out = out_for(src, turns)
    return lambda: imgsvc.rotate90(src, turns, out=out, num_threads=threads)


def with_opencv(src: Image, threads: int, turns: int) -> Call:
    cv2 = opencv(threads)
    code = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180}[turns]
    dst = out_for(src, turns)
    return lambda: cv2.rotate(src, code, dst)


def with_pillow(src: Image, _threads: int, turns: int) -> Call:
    image = PillowImage.fromarray(src)
    code = {1: PillowImage.Transpose.ROTATE_90, 2: PillowImage.Transpose.ROTATE_180}[turns]
    return lambda: image.transpose(code)


def with_numpy(src: Image, _threads: int, turns: int) -> Call:
    out = out_for(src, turns)

    def call() -> Image:
        np.copyto(out, np.rot90(src, turns))
        return out

    return call


def contenders(turns: int) -> dict[str, Contender]:
    """Return everybody, for a number of turns."""
    return {
        "imgsvc": functools.partial(with_imgsvc, turns=turns),
        "opencv": functools.partial(with_opencv, turns=turns),
        "pillow": functools.partial(with_pillow, turns=turns),
        "numpy": functools.partial(with_numpy, turns=turns),
    }


def check(image: str, turns: int, result: Any) -> None:
    """Assert that a result is the image, turned."""
    np.testing.assert_array_equal(np.asarray(result), np.rot90(make_image(image), turns))
