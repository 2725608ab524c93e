"""Frames as Pillow decodes them → arrays of the kinds that are handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgsvc.codec import png, tiff
from imgsvc.codec.color import profile_of_deep, with_settled_colours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc.codec.decode_options import DecodeOptions
    from imgsvc.codec.source import Source

__all__ = ["converted"]

OPAQUE, MAX_16_BIT = 255, 65535
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
GRAYS = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"}


def converted(
    image: Image.Image, source: Source, options: DecodeOptions, low: Image.Image | None = None
) -> tuple[NDArray[Any], list[str], bytes | None]:
    """Return a frame's pixels, what they lost, and the profile that is theirs still.

    Parameters
    ----------
    low
        Of TIFF in colours whose 16 bits are kept: a picture of the low bytes.
    """
    notes: list[str] = []
    profile = source.icc_profile
    image, wide, alpha = _values(image, source, low)
    frame = image
    if wide is not None:
        floats = image.mode == "F"
        if options.depth == "keep" and source.bits > 8:
            profile, told = profile_of_deep(profile, source.channels, keep=options.color == "keep")
            notes += told
            return np.ascontiguousarray(wide, np.float32 if floats else np.uint16), notes, profile
        frame = image = Image.fromarray(_rounded(wide, notes, floats))
    elif source.bits > 8:
        notes.append("16 bits a channel are cut to 8")
    frame = _in_plain_mode(frame, alpha, source.channels)
    if profile:
        gray, keep = image.mode in GRAYS, options.color == "keep"
        frame, profile, told = with_settled_colours(frame, profile, source.channels, keep=keep, gray=gray)
        notes += told
    if frame.mode != MODES[source.channels]:
        if frame.mode not in {"RGB", "RGBA", "L"} or image.mode == "CMYK":
            notes.append(f"{image.mode} is converted to RGB")
            profile = None  # it described the other colours
        frame = frame.convert(MODES[source.channels])
    elif image.mode == "CMYK":
        notes.append("CMYK is converted to RGB")
    return np.asarray(frame), notes, profile


def _values(
    image: Image.Image, source: Source, low: Image.Image | None
) -> tuple[Image.Image, NDArray[Any] | None, NDArray[np.uint8] | None]:
    """Return a picture, its values where they have more than 8 bits, and alpha that Pillow does not know."""
    if source.stored:
        return tiff.values(image, source.stored[image.tell()], low)
    wide = np.asarray(image) if image.mode == "F" or image.mode.startswith("I") else None
    alpha = png.alpha(np.asarray(image), source) if image.mode in GRAYS else None
    return image, wide, alpha


def _in_plain_mode(frame: Image.Image, alpha: NDArray[np.uint8] | None, channels: int) -> Image.Image:
    """Return a frame without palettes, bits and gray with alpha, and with the alpha that it should have."""
    if frame.mode == "La":
        frame = frame.convert("LA")
    if alpha is not None:
        frame.info.pop("transparency", None)
        frame = frame.convert("RGBA")
        frame.putalpha(Image.fromarray(alpha))
    elif frame.mode in {"P", "PA"}:
        frame = frame.convert("RGBA" if frame.has_transparency_data else "RGB")
    elif frame.mode == "1":
        frame = frame.convert("L")
    elif frame.mode == "LA" or (frame.mode in {"L", "RGB"} and channels == 4):
        frame = frame.convert("RGBA")
    return frame


def _rounded(wide: NDArray[Any], notes: list[str], floats: bool) -> NDArray[np.uint8]:
    if floats:
        notes.append("floats from 0 to 1 are rounded to 8 bits")
        scaled = np.nan_to_num(wide, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * OPAQUE
        pixels: NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
        return pixels
    notes.append(f"16 bits are rounded to 8: the values were {wide.min()} to {wide.max()} of {MAX_16_BIT}")
    rounded: NDArray[np.uint8] = ((wide.astype(np.uint32) * OPAQUE + MAX_16_BIT // 2) // MAX_16_BIT).astype(
        np.uint8
    )
    return rounded
