"""What codecs take of memory while they work, beside the pixels that they read or make.

Bytes for each pixel of the largest frame, rounded up from what was measured; ``tests/recipes/test_memory.py``
holds them. Files count by themselves: what they hold is copied, without what decoding does not need.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imgsvc.operations.scratch import channels_of

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._images import Shape
    from imgsvc.codec import Header
    from imgsvc.recipes.recipe import Output

__all__ = ["decoder_bytes", "encoder_bytes", "file_copies"]

FILE_COPIES, TIFF_COPIES = 2, 4
"""As it came, as one piece; and as decoders get it, with what they need alone."""

DECODED = {"jpeg": 1.0, "png": 9.0, "webp": 16.0, "avif": 10.0, "tiff": 8.0, "gif": 9.0, "bmp": 5.0}
ALPHA = {"png": 12.0, "webp": 17.0, "avif": 13.0, "tiff": 16.0}
DEEP = {"png": 13.0, "tiff": 16.0}
MADE_ANEW = 30.0
"""Of TIFF: as bytes, as numbers, and in another order."""

COEFFICIENTS = 2.0
"""Of each value of a JPEG that comes in several scans: they are kept until the last."""

PART_BYTES = 400
"""Of each strip or tile of a TIFF."""

INKS, CONVERTED = 12.0, 11.0
RGB = 3

ENCODED = {"jpeg": 2.0, "png": 9.0, "webp": 18.0, "avif": 30.0, "tiff": 9.0, "gif": 18.0, "bmp": 8.0}
ENCODED_ALPHA = {"jpeg": 11.0, "png": 12.0, "webp": 60.0, "avif": 30.0, "tiff": 9.0, "gif": 22.0, "bmp": 11.0}
OPTIMIZED_JPEG = 12.0
LOSSLESS_WEBP, SLOW_AVIF, PALETTE_PNG = 90.0, 60.0, 36.0
SLOW_EFFORT, OPTIMIZED_EFFORT = 3, 5
"""From these efforts AVIF looks further, and JPEG makes its tables for the image."""

FRAME = 10.0
"""Of each frame but the first: Pillow's pixels of it, and its part of the file, twice."""


def file_copies(header: Header) -> int:
    """Return how many copies of a file there are while it is decoded."""
    return TIFF_COPIES if header.format == "tiff" else FILE_COPIES


def decoder_bytes(header: Header, shape: Shape, *, converted: bool) -> int:
    """Return what decoding takes beside the frames and the file.

    Parameters
    ----------
    shape
        Of what is decoded, which may be smaller than the file's pixels.
    converted
        Whether colours are converted.
    """
    kind, deep = header.format, header.bits > 8
    if kind == "jpeg":
        each = INKS if header.components > RGB else DECODED[kind]
    elif header.made_anew:
        each = MADE_ANEW
    else:
        each = (DEEP if deep else ALPHA if header.channels > RGB else DECODED).get(kind, DECODED[kind])
    if converted:
        each = max(each, CONVERTED)
    pixels = math.prod(shape[:2])
    if header.most_pixels > header.width * header.height:  # of which that is a part
        pixels = header.most_pixels
        each += header.channels
    needed = each * pixels + PART_BYTES * header.parts
    if header.scans > 1:
        needed += COEFFICIENTS * header.components * header.width * header.height
    return math.ceil(needed)


def encoder_bytes(kind: str, output: Output, shape: Shape, dtype: np.dtype[Any], frames: int) -> int:
    """Return what encoding takes beside the frames, with the file."""
    alpha = channels_of(shape) > RGB
    each = (ENCODED_ALPHA if alpha else ENCODED)[kind] * dtype.itemsize
    effort = output.effort or 0
    if kind == "jpeg" and (output.progressive or effort >= OPTIMIZED_EFFORT):
        each = OPTIMIZED_JPEG
    elif kind == "webp" and output.lossless:
        each = LOSSLESS_WEBP
    elif output.palette:
        each = PALETTE_PNG
    elif kind == "avif" and effort >= SLOW_EFFORT:
        each = SLOW_AVIF
    return math.ceil((each + FRAME * (frames - 1)) * math.prod(shape[:2]))
