"""What codecs take on this machine, measured by the image and by the pixel."""

from __future__ import annotations

import functools
import math
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from imgsvc.codec import decode, encode, formats
from imgsvc.operations import Resize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

T = TypeVar("T")

__all__ = ["CodecCost", "codec_costs", "shrunk_share"]

SIZES = ((24, 32), (240, 320))
SLOW, SLOW_SIZES = "avif", ((24, 32), (144, 192))
SHRINK = 4
ROUNDS, ENOUGH_SECONDS = 3, 4e-3
GIF_PER_PNG = 35.0
"""How many times as long as a PNG it takes to write GIF. Finding 256 colours takes too long to measure it."""


class CodecCost(NamedTuple):
    """Seconds for an image, and for each of its pixels."""

    an_image: float
    a_pixel: float

    def seconds(self, pixels: float) -> float:
        """Return what an image of so many pixels takes."""
        return self.an_image + self.a_pixel * pixels


def codec_costs() -> dict[tuple[str, str], CodecCost]:
    """Return what each format costs, by its name and ``"encode"`` or ``"decode"``."""
    costs: dict[tuple[str, str], CodecCost] = {}
    for info in formats().values():
        name = info.name
        if not (info.encodes and info.decodes):
            continue
        sizes = SLOW_SIZES if name == SLOW else SIZES
        pictures = [_picture((*size, 1 if name == "gif" else 3)) for size in sizes]
        decode(encode(pictures[0], name))  # loads what they need
        costs[name, "encode"], files = _codec_cost(
            sizes, [functools.partial(encode, picture, name) for picture in pictures]
        )
        costs[name, "decode"], _ = _codec_cost(sizes, [functools.partial(decode, file) for file in files])
    costs["gif", "encode"] = CodecCost(*(GIF_PER_PNG * part for part in costs["png", "encode"]))
    return costs


def _codec_cost(
    sizes: Sequence[tuple[int, int]], works: Sequence[Callable[[], T]]
) -> tuple[CodecCost, list[T]]:
    """Return the cost of what takes images of two sizes, and what it makes of them."""
    few, many = map(math.prod, sizes)
    (short, of_few), (long, of_many) = map(_codec_seconds, works)
    a_pixel = max(long - short, 0.0) / (many - few)
    return CodecCost(max(short - a_pixel * few, 0.0), a_pixel), [of_few, of_many]


def _codec_seconds(work: Callable[[], T]) -> tuple[float, T]:
    """Return the least of some measurements, or of one where it takes long, and what is made."""
    least, spent = math.inf, 0.0
    for _ in range(ROUNDS):
        start = time.process_time()  # of all threads: AVIF's encoder takes several where it finds them
        result = work()
        seconds = time.process_time() - start
        least, spent = min(least, seconds), spent + seconds
        if spent > ENOUGH_SECONDS:
            break
    return least, result


def shrunk_share(cost: CodecCost) -> float:
    """Return what of the time to decode a JPEG does not become less when it is decoded smaller.

    Parameters
    ----------
    cost
        Of decoding JPEG.
    """
    height, width = SIZES[-1]
    file, full = encode(_picture((height, width, 3)), "jpeg"), height * width
    smaller, _ = _codec_seconds(lambda: decode(file, at_least=(width // SHRINK, height // SHRINK)))
    left, share = full / SHRINK**2, 1 / SHRINK**2
    return min(max((smaller - cost.seconds(left)) / max(cost.a_pixel * full * (1 - share), 1e-9), 0.0), 1.0)


def _picture(shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return an image that is as hard to encode as a photo: soft shapes, and a little noise."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (shape[0] // 20 + 1, shape[1] // 20 + 1, shape[2]), np.uint8)
    resize = Resize(width=shape[1], height=shape[0], resample="bicubic")
    soft = resize(coarse).astype(np.int16).reshape(shape)
    noisy = soft + rng.integers(-5, 6, shape, np.int16)
    picture: NDArray[np.uint8] = noisy.clip(0, 255).astype(np.uint8)
    return picture
