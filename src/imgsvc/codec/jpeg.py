"""JPEG: its segments, and decoding and encoding by libjpeg-turbo."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import simplejpeg
from PIL import Image

from imgsvc.codec import exif as exif_data
from imgsvc.codec.source import PROFILE_BYTES, DamageError, Source, UnservedError, ends_early

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOI, SOS, EOI = 0xD8, 0xDA, 0xD9
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
APPLICATIONS, COMMENT = range(0xE0, 0xF0), 0xFE
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
ALONE = {0x01, *range(0xD0, 0xD8)}
MOST_SCANS = 100
"""Each scan of a progressive file goes over the whole image: more are an attack, not a photograph."""

MOST_SEGMENTS = 10_000
PROFILE = b"ICC_PROFILE\0"
SEGMENT_BYTES = 65533
REDUCTIONS = (8, 4, 2)
QUALITY = 90


def read(data: bytes, frames: int, *, whole: bool) -> Source:  # noqa: ARG001, PLR0912 - one frame; a segment each
    """Look through the segments before the pixels."""
    size: tuple[int, int, int] | None = None
    exif = None
    profile: dict[int, bytes] = {}
    kept = [data[:2]]
    position = 2
    progressive = has_scans = False
    for _ in range(MOST_SEGMENTS):
        position, marker = _next_marker(data, position)
        if marker is None:
            break
        if marker == SOS:
            kept.append(data[position - 2 :] if whole else b"")
            has_scans = True
            break
        if marker in ALONE or marker == SOI:
            continue
        if marker == EOI:
            raise DamageError("it has no pixels")
        if position + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise DamageError("a segment of no length")
        body = data[position + 2 : position + length]
        if len(body) < length - 2 and marker not in FRAMES:
            break
        if marker in FRAMES:
            size = _size(body)
            progressive = marker in PROGRESSIVE
        elif marker == APP1 and body.startswith(exif_data.PREFIX) and exif is None:
            exif = body[len(exif_data.PREFIX) :]
        elif marker == APP2 and body.startswith(PROFILE) and len(body) > len(PROFILE) + 2:
            profile[body[len(PROFILE)]] = body[len(PROFILE) + 2 :]
        if marker in {APP0, APP14} or not (marker in APPLICATIONS or marker == COMMENT):
            kept.append(data[position - 2 : position + length])
        position += length
    if size is None or (whole and not has_scans):
        raise ends_early()
    if whole and progressive and data.count(b"\xff\xda") > MOST_SCANS:
        raise DamageError(f"it has more than {MOST_SCANS} scans")
    width, height, components = size
    icc = b"".join(profile[number] for number in sorted(profile))
    return Source(
        "jpeg",
        width,
        height,
        1 if components == 1 else 3,
        b"".join(kept) if whole else b"",
        orientation=exif_data.orientation(exif) if exif else 1,
        icc_profile=icc if 0 < len(icc) <= PROFILE_BYTES else None,
        exif=exif,
        components=components,
        progressive=progressive,
    )


def decode(data: bytes, source: Source, least: tuple[int, int] | None) -> NDArray[np.uint8] | None:
    """Return the pixels as stored, at least as large as `least`; None where Pillow has to do it.

    Raises
    ------
    DamageError
        libjpeg-turbo finds the file damaged or cut short.
    """
    if source.components not in {1, 3}:
        return None
    factor = 1 if least is None else reduction(source.width, source.height, *least)
    size = {"min_width": -(-source.width // factor), "min_height": -(-source.height // factor)}
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "GRAY" if source.channels == 1 else "RGB", **(size if factor > 1 else {})
        )
    except ValueError as error:
        text = str(error)
        if "Premature end" in text or "truncated" in text:
            raise ends_early() from error
        if "Corrupt JPEG data" in text and "extraneous" not in text:
            raise DamageError(text) from error
        return None
    return pixels[:, :, 0] if source.channels == 1 else pixels


def reduction(width: int, height: int, least_width: int, least_height: int) -> int:
    """Return the largest of 8, 4, 2 and 1 that leaves at least so many pixels a side."""
    for factor in REDUCTIONS:
        if -(-width // factor) >= least_width and -(-height // factor) >= least_height:
            return factor
    return 1


def encode(
    pixels: NDArray[np.uint8],
    quality: int,
    *,
    progressive: bool = False,
    effort: int | None = None,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
) -> bytes:
    """Return a baseline or progressive file of gray or RGB pixels with 4:2:0 colours."""
    if progressive or (effort is not None and effort >= SMALLER):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(
            buffer, "JPEG", quality=quality, progressive=progressive, optimize=True, subsampling=2
        )
        data = buffer.getvalue()
    else:
        layout: dict[str, Any] = {"colorspace": "RGB", "colorsubsampling": "420"}
        if pixels.ndim == 2:
            layout = {"colorspace": "GRAY", "colorsubsampling": "Gray"}
            pixels = pixels[:, :, np.newaxis]
        data = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=quality, fastdct=effort == 0, **layout
        )
    segments = list(_metadata(icc_profile, exif))
    if not segments:
        return data
    start = 4 + struct.unpack_from(">H", data, 4)[0] if data[2:4] == b"\xff\xe0" else 2  # after JFIF's own
    return b"".join([data[:start], *segments, data[start:]])


SMALLER = 5
"""The effort from which the Huffman tables are made for the image."""


def _next_marker(data: bytes, position: int) -> tuple[int, int | None]:
    """Return the position after the next marker, and the marker; None at the end."""
    start = data.find(b"\xff", position)
    if start < 0:
        return len(data), None
    end = start + 1
    while end < len(data) and data[end] == 0xFF:
        end += 1
    if end >= len(data):
        return len(data), None
    return end + 1, data[end]


def _size(body: bytes) -> tuple[int, int, int]:
    if len(body) < 6:
        raise ends_early()
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8:
        raise UnservedError(f"JPEG of {precision} bits")
    if components not in {1, 3, 4}:
        raise DamageError(f"it has {components} components")
    return width, height, components


def _metadata(icc_profile: bytes | None, exif: bytes | None) -> list[bytes]:
    segments = []
    if exif and len(exif) + len(exif_data.PREFIX) <= SEGMENT_BYTES:
        segments.append(_segment(APP1, exif_data.PREFIX + exif))
    if icc_profile:
        step = SEGMENT_BYTES - len(PROFILE) - 2
        parts = [icc_profile[start : start + step] for start in range(0, len(icc_profile), step)]
        if len(parts) < 256:
            segments += [
                _segment(APP2, PROFILE + bytes([number, len(parts)]) + part)
                for number, part in enumerate(parts, 1)
            ]
    return segments


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
