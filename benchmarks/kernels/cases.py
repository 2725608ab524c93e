"""What the kernels are benchmarked on: the images, and who runs on how many threads."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Call = Callable[[], Any]
    Contender = Callable[[Image, int], Call]
    """Prepares a call on an image and a number of threads: all that need not be timed happens here."""

SHAPES = {
    "4000x3000-rgb": (3000, 4000, 3),
    "640x480-rgb": (480, 640, 3),
    "4000x3000-gray": (3000, 4000),
}

THREADS = {"imgsvc": (1, 2), "opencv": (1, 2), "pillow": (1,), "numpy": (1,)}
"""Pillow and NumPy know one thread only."""

ROUNDS = {
    "imgsvc": pytest.mark.benchmark(max_time=0.5, min_rounds=5),
    "opencv": pytest.mark.benchmark(max_time=0.5, min_rounds=5),
    # Tens to hundreds of milliseconds a call, far behind: a rough figure does.
    "pillow": pytest.mark.benchmark(max_time=0.3, min_rounds=3),
    "numpy": pytest.mark.benchmark(max_time=0.3, min_rounds=3),
}


@functools.cache
def make_image(name: str) -> Image:
    """Return the image of a name: noise, the same in every run and for every contender."""
    image = np.random.default_rng(seed=2026).integers(0, 256, SHAPES[name], np.uint8)
    image.flags.writeable = False
    return image


# Those of one table follow one another: they meet the same weather.
CASES = [
    pytest.param(contender, image, threads, id=f"{contender}-{image}-{threads}", marks=mark)
    for image, threads, (contender, mark) in itertools.product(SHAPES, (1, 2), ROUNDS.items())
    if threads in THREADS[contender]
]


def opencv(threads: int) -> Any:
    """Return the module cv2, which will use `threads` threads; without it the benchmark is skipped."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV is missing: it is in the extra [bench]")
    cv2.setNumThreads(threads)
    return cv2
