"""What an image and options make of the time of a codec, which is measured for 8-bit RGB and defaults.

As it was with photos of 640×480; ``pytest benchmarks/recipes --benchmark-only -k "effort or channels"`` shows
how near that is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imgsvc.codec import DEFAULT_QUALITIES
from imgsvc.codec.png import INDEXED_EFFORT
from imgsvc.operations.scratch import channels_of

if TYPE_CHECKING:
    import numpy as np

    from imgsvc._images import Shape
    from imgsvc.codec import Header
    from imgsvc.recipes.recipe import Output

__all__ = ["byte_factor", "decoder_factor", "encoder_factor", "scans_factor"]

RGB_CHANNELS, INKS_COMPONENTS = 3, 4
ENCODED_CHANNELS: dict[str, dict[int, float]] = {
    "jpeg": {1: 0.75, 4: 2.4},
    "png": {1: 0.33, 4: 1.6},
    "webp": {4: 4.5},
    "avif": {1: 0.9, 4: 1.1},
    "tiff": {1: 0.43, 4: 1.5},
    "gif": {1: 0.02, 4: 1.2},
    "bmp": {1: 0.3, 4: 3.5},
}
"""GIF is gray without that colours are found; JPEG and BMP get rid of alpha."""

DECODED_CHANNELS: dict[str, dict[int, float]] = {
    "jpeg": {1: 0.5},
    "webp": {4: 2.0},
    "avif": {1: 1.5, 3: 2.0, 4: 2.2},
    "bmp": {1: 1.0},
}
INKS = 5.0
"""Of JPEG: four components, which become RGB."""

SCAN = 0.6
"""Of progressive JPEG, each over all pixels; where each makes every coefficient better, it is 1.2."""

PROGRESSIVE_BYTE = 2.5
LOSSLESS_BYTE, ALPHA_BYTE = 0.2, 0.33
"""Of WebP: neither takes as long as what is compressed with loss."""

RGB_BITS, UNPACKED_BITS, MADE_COLOURS_BITS = 24, 1.2, 6.0
"""PNG and TIFF take their time by what is compressed; a bit then becomes a pixel, or an index its colour."""

TIFF_CODINGS = {
    "plain": 0.2, "packbits": 0.2, "fax": 12.0, "thunderscan": 2.0, "lzw": 0.9, "jpeg": 0.6, "deflate": 1.0,
    "lzma": 4.0, "zstd": 0.35,
}  # fmt: skip
MADE_ANEW = 1.2
COLOUR_PASSES = 2
"""Over PNG and TIFF of more than 8 bits in colour, see `imgsvc.codec.png.decode_deep`."""

BY_EFFORT: dict[str, tuple[float, ...]] = {
    "jpeg": (0.8, 1.0, 1.0, 1.0, 1.0, 2.6, 2.6, 2.6, 2.6, 2.6),
    "png": (2.0, 3.9, 4.3, 4.7, 7.4, 7.4, 7.4, 7.4, 7.4, 7.4),
    "webp": (0.6, 0.6, 0.7, 1.0, 1.0, 2.2, 2.2, 2.2, 2.5, 3.6),
    "avif": (0.3, 0.3, 1.0, 2.0, 2.5, 9.3, 11.8, 24.2, 50.0, 58.0),
    "tiff": (0.06, *[1.0] * 9),
}
LOSSLESS_WEBP = (1.0, 1.0, 2.6, 5.5, 5.5, 8.5, 8.5, 8.5, 20.0, 317.0)
PROGRESSIVE_JPEG = 5.0
PALETTE, FOUND_COLOURS = 0.9, 4.0
"""Of PNG of the same effort, and several times as much where colours may have to be found."""

DEFAULT_EFFORT = 3


def encoder_factor(kind: str, output: Output, shape: Shape, dtype: np.dtype[Any]) -> float:
    """Return what to multiply the time of a format's encoder by."""
    factor = ENCODED_CHANNELS[kind].get(channels_of(shape), 1.0) * dtype.itemsize
    return factor * _of_options(kind, output, channels_of(shape))


def decoder_factor(header: Header, *, deep: bool) -> float:
    """Return what to multiply the time of a format's pixels by; `deep` is whether depths are kept."""
    if header.stored_bits:
        made_colours = header.channels > 1 and header.stored_bits <= 8
        unpacked = MADE_COLOURS_BITS if made_colours else UNPACKED_BITS
        factor = (header.stored_bits + unpacked) / (RGB_BITS + UNPACKED_BITS)
        if header.format == "tiff":
            factor *= TIFF_CODINGS[header.coding]
        if header.made_anew:
            factor += MADE_ANEW
    else:
        factor = DECODED_CHANNELS.get(header.format, {}).get(header.channels, 1.0)
    if header.components == INKS_COMPONENTS:
        factor *= INKS
    return factor * COLOUR_PASSES if deep and header.bits > 8 and header.channels > 1 else factor


def scans_factor(header: Header) -> float:
    """Return what to multiply the time of a JPEG's pixels by for its scans, however small it is decoded."""
    return SCAN * header.scans if header.scans > 1 else 0.0


def byte_factor(header: Header) -> float:
    """Return what to multiply the time of a file's bytes by."""
    if header.progressive:
        return PROGRESSIVE_BYTE
    if header.format != "webp":
        return 1.0
    if header.coding == "lossless":
        return LOSSLESS_BYTE
    return ALPHA_BYTE if header.channels > RGB_CHANNELS else 1.0


def _of_options(kind: str, output: Output, channels: int) -> float:
    """Return what options make of it; where a file is to become small enough, all attempts that can take."""
    effort = output.effort
    if output.palette:
        times = PALETTE * BY_EFFORT["png"][INDEXED_EFFORT if effort is None else effort]
        if channels > 1:
            times *= FOUND_COLOURS
    elif output.progressive:
        times = PROGRESSIVE_JPEG
    elif output.lossless and kind == "webp":
        times = LOSSLESS_WEBP[DEFAULT_EFFORT if effort is None else effort]
    elif effort is not None and kind in BY_EFFORT:
        times = BY_EFFORT[kind][effort]
    else:
        times = 1.0
    if output.max_bytes is None or output.lossless or kind not in DEFAULT_QUALITIES:
        return times
    return times * (1 + math.ceil(math.log2(output.quality or DEFAULT_QUALITIES[kind])))
