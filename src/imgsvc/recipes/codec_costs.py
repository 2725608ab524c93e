"""What codecs take on this machine, measured by the image, by the pixel, and by the byte of its file.

By the byte where what was compressed takes longer than the pixels do: there an image of noise takes ten times
as long as a flat one of the same size.
"""

from __future__ import annotations

import functools
import math
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from imgsvc.codec import decode, encode, formats
from imgsvc.codec.color import to_srgb
from imgsvc.codec.icc import made_profile
from imgsvc.operations import Resize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from imgsvc.codec import Format

T = TypeVar("T")

__all__ = ["CodecCost", "codec_costs", "conversion_cost", "shrunk_share"]

SIZES = ((24, 32), (240, 320))
SLOW, SLOW_SIZES = "avif", ((24, 32), (144, 192))
SHRINK = 4
ROUNDS, ENOUGH_SECONDS = 3, 4e-3
BY_BYTES = {"jpeg", "webp", "avif"}
FLAT = 128
LEAST_SHARE = 0.05
"""Of the time of a photo that a flat image takes, at least: so small a one may be measured as nothing."""

OTHER_PRIMARIES, OTHER_WHITE, OTHER_GAMMA = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), (0.3127, 0.329), 1.8
GIF_PER_PNG = 35.0
"""How many times as long as a PNG it takes to write GIF. Finding 256 colours takes too long to measure it."""


class CodecCost(NamedTuple):
    """Seconds for an image, for each of its pixels, and for each byte of its file."""

    an_image: float
    a_pixel: float
    a_byte: float = 0.0

    def seconds(self, pixels: float) -> float:
        """Return what an image of so many pixels takes, beside the bytes of its file."""
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
        if name in BY_BYTES:
            costs[name, "decode"] = _with_bytes(costs[name, "decode"], name, sizes[-1], files[-1])
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


def _with_bytes(cost: CodecCost, name: Format, size: tuple[int, int], file: bytes) -> CodecCost:
    """Return a cost of which a part is that of bytes: what a flat image of the size does not take."""
    pixels = math.prod(size)
    flat = encode(np.full((*size, 3), FLAT, np.uint8), name)
    seconds, _ = _codec_seconds(lambda: decode(flat))
    all_of_it = cost.seconds(pixels)
    seconds = min(max(seconds, LEAST_SHARE * all_of_it), all_of_it)
    return CodecCost(
        an_image=min(cost.an_image, seconds),
        a_pixel=max(seconds - cost.an_image, 0.0) / pixels,
        a_byte=(all_of_it - seconds) / max(len(file) - len(flat), 1),
    )


def conversion_cost() -> float:
    """Return the seconds that a pixel takes whose colours are converted to sRGB."""
    picture = Image.fromarray(_picture((*SIZES[-1], 3)))
    profile = made_profile(OTHER_PRIMARIES, OTHER_WHITE, OTHER_GAMMA)
    to_srgb(picture, profile)  # which makes what it keeps
    seconds, _ = _codec_seconds(lambda: to_srgb(picture, profile))
    return seconds / math.prod(SIZES[-1])


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
        Of decoding JPEG, where bytes count by themselves.
    """
    height, width = SIZES[-1]
    file, full = encode(_picture((height, width, 3)), "jpeg"), height * width
    smaller, _ = _codec_seconds(lambda: decode(file, at_least=(width // SHRINK, height // SHRINK)))
    left, share = full / SHRINK**2, 1 / SHRINK**2
    smaller -= cost.a_byte * len(file)
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
