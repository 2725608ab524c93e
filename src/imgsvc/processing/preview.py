"""Previews: small PNGs, and HTML around them, by which notebooks show a result."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

import numpy as np

from imgsvc.codec import Decoded, DecodeOptions, decode, encode
from imgsvc.operations import Convert, Resize

if TYPE_CHECKING:
    from imgsvc.processing.result import Result

__all__ = ["html_of", "preview_of"]

MOST_SIDE = 1024
"""Pixels; a notebook keeps in its file what it shows."""


def preview_of(result: Result) -> bytes | None:
    """Return a PNG of a result, of at most `MOST_SIDE` pixels a side; None where there can be none."""
    try:
        return _png(result)
    except Exception:  # noqa: BLE001 - to look at a value raises nothing, whatever a server has sent
        return None


def html_of(result: Result, preview: bytes | None) -> str:
    """Return HTML of a result: its preview, what it is, and its notes."""
    size = "" if result.data is None else f", {len(result.data):,} bytes"
    about = f"{result.format}, {result.width}×{result.height} pixels{size}"
    if result.name:
        about = f"{result.name}: {about}"
    about = html.escape(about)
    image = ""
    if preview is not None:
        data = base64.b64encode(preview).decode("ascii")
        image = f'<img src="data:image/png;base64,{data}" alt="{about}" style="max-width:100%">'
    notes = "".join(f"<br>{html.escape(note)}" for note in result.notes)
    return f'<figure style="margin:0">{image}<figcaption>{about}{notes}</figcaption></figure>'


def _png(result: Result) -> bytes:
    width, height = _reduced(result.width, result.height)
    small = (width, height) == (result.width, result.height)
    if small and result.format == "png" and result.data is not None:
        return bytes(result.data)
    profile = result.icc_profile
    if result.has_pixels:
        pixels = result.array
    else:
        pixels = decode(result.data or b"", DecodeOptions(), at_least=(width, height)).frames[0]
        profile = None
    if pixels.dtype != np.uint8:
        pixels = Convert("uint8")(pixels)
    if pixels.shape[:2] != (height, width):
        pixels = Resize(width, height, "bilinear")(pixels)
    return encode(Decoded((pixels,), icc_profile=profile), "png")


def _reduced(width: int, height: int) -> tuple[int, int]:
    longest = max(width, height)
    if longest <= MOST_SIDE:
        return width, height
    return max(1, round(width * MOST_SIDE / longest)), max(1, round(height * MOST_SIDE / longest))
