"""Images whose pixels are numbers of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Indexed", "indexed", "with_one_bit_of_alpha"]

MOST = 256
BLOCK_PIXELS = 1 << 20
OPAQUE = 255
LEAST_OPAQUE = 128
"""The alpha from which on a pixel is opaque where there is one bit for it."""


class Indexed(NamedTuple):
    """An image of at most 256 colours.

    Attributes
    ----------
    indices
        (H, W): of each pixel the number of its colour.
    colours
        (N, 4): red, green, blue and alpha; the more transparent, the earlier.
    """

    indices: NDArray[np.uint8]
    colours: NDArray[np.uint8]

    @property
    def bits(self) -> int:
        """How many an index needs: 1, 2, 4 or 8."""
        return next(bits for bits in (1, 2, 4, 8) if len(self.colours) <= 1 << bits)


def indexed(pixels: NDArray[np.uint8]) -> Indexed:
    """Return an image with its own colours where they are 256 or fewer, and else with the best 256.

    Parameters
    ----------
    pixels
        (H, W), (H, W, 3) or (H, W, 4).
    """
    picture = Image.fromarray(pixels)
    found = picture.getcolors(MOST)
    if found is not None:
        values = np.array([colour for _, colour in found], np.uint8).reshape(len(found), -1)
        return _by_colour(np.atleast_3d(pixels), values)
    # Median cut knows no alpha.
    method = Image.Quantize.FASTOCTREE if picture.mode == "RGBA" else Image.Quantize.MEDIANCUT
    reduced = picture.quantize(MOST, method)
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    entries = np.array(reduced.getpalette(mode), np.uint8).reshape(-1, len(mode))
    return _ordered(np.asarray(reduced), _with_alpha(entries))


def with_one_bit_of_alpha(frames: Sequence[NDArray[np.uint8]]) -> list[Image.Image]:
    """Return pictures of frames for a format in which alpha has one bit.

    Where one of them is seen through, the pixels of all are numbers of colours, of which one is for that: of
    an animation each frame says for itself what becomes of it. Where none is, they are in gray or RGB.
    """
    seen_through = any(
        frame.ndim == 3 and frame.shape[2] == 4 and (frame[..., 3] < LEAST_OPAQUE).any() for frame in frames
    )
    if seen_through:
        return [_seen_through(_in_rgba(frame), is_first=index == 0) for index, frame in enumerate(frames)]
    if all(frame.ndim == 2 for frame in frames):
        return [Image.fromarray(frame) for frame in frames]
    return [Image.fromarray(np.ascontiguousarray(_in_rgba(frame)[..., :3])) for frame in frames]


def _in_rgba(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if frame.ndim == 3 and frame.shape[2] == 4:
        return frame
    result = np.full((*frame.shape[:2], 4), OPAQUE, np.uint8)
    result[..., :3] = np.atleast_3d(frame)
    return result


def _seen_through(pixels: NDArray[np.uint8], *, is_first: bool) -> Image.Image:
    """Return a picture whose colours are found for those pixels alone that are opaque.

    They get all numbers but one, by median cut, as pictures without alpha do: what nobody sees takes no
    colour from what is seen.
    """
    opaque = pixels[..., 3] >= LEAST_OPAQUE
    entries = b""
    numbers = np.empty(opaque.shape, np.uint8)
    if opaque.any():
        row = Image.fromarray(pixels[..., :3][opaque][np.newaxis])
        reduced = row.quantize(MOST - 1, Image.Quantize.MEDIANCUT)
        entries = bytes(reduced.getpalette("RGB") or ())
        numbers[opaque] = np.asarray(reduced)[0]
    unseen = len(entries) // 3
    numbers[~opaque] = unseen
    colours = np.full((unseen + 1, 4), OPAQUE, np.uint8)
    colours[:-1, :3] = np.frombuffer(entries, np.uint8).reshape(-1, 3)
    # Pillow errs where nothing of a frame differs from an empty canvas, which has the first one's colour.
    colours[-1] = (0 if is_first or unseen else 1, 0, 0, 0)
    picture = Image.fromarray(numbers)
    picture.putpalette(colours.tobytes(), "RGBA")
    picture.info["transparency"] = unseen
    return picture


def _by_colour(pixels: NDArray[np.uint8], values: NDArray[np.uint8]) -> Indexed:
    keys = _packed(values)
    order = np.argsort(keys)
    keys = keys[order]
    height, width = pixels.shape[:2]
    indices = np.empty((height, width), np.uint8)
    step = max(1, BLOCK_PIXELS // width)
    for first in range(0, height, step):
        block = pixels[first : first + step]
        indices[first : first + step] = np.searchsorted(keys, _packed(block))
    return _ordered(indices, _with_alpha(values[order]))


def _packed(values: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return each pixel's values as one number."""
    packed: NDArray[Any] = values[..., 0].astype(np.uint32)
    for channel in range(1, values.shape[-1]):
        packed = packed << 8 | values[..., channel]
    return packed


def _with_alpha(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours = np.full((len(values), 4), OPAQUE, np.uint8)
    colours[:, : max(values.shape[1], 3)] = values  # gray is all three
    return colours


def _ordered(indices: NDArray[np.uint8], colours: NDArray[np.uint8]) -> Indexed:
    """Return an image with its transparent colours first: only they need to be written with an alpha."""
    order = np.argsort(colours[:, 3], kind="stable")
    if (order[:-1] < order[1:]).all():
        return Indexed(indices, colours)
    numbers = np.empty(MOST, np.uint8)
    numbers[order] = np.arange(len(order), dtype=np.uint8)
    return Indexed(numbers[indices], colours[order])
