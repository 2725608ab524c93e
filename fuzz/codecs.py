"""Image files: a target for each format."""

from __future__ import annotations

import functools
import zlib
from typing import TYPE_CHECKING

import numpy as np

from fuzz.target import Target
from imgsvc.codec import FORMATS, DecodeLimits, DecodeOptions, decode, read_header
from imgsvc.errors import InvalidInputError
from tests.codec.encoded import every_kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgsvc.codec import Header

__all__ = ["CODECS"]

LIMITS = DecodeLimits(pixels=1 << 18, frames=8, total_pixels=1 << 19)
OPTIONS = (
    DecodeOptions(),
    DecodeOptions(depth="keep", color="keep", frames="all", auto_orient=False),
    DecodeOptions(depth="keep", frames="all"),
)
DTYPES = {np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)}
PNG_SIGNATURE = 8


def check(data: bytes) -> None:
    """Read a header, and decode in several ways, within limits."""
    try:
        header = read_header(data)
    except InvalidInputError:
        header = None
    for options in OPTIONS:
        check_decoding(data, options, None)
    if header is not None:
        check_decoding(data, OPTIONS[0], header)


def check_decoding(data: bytes, options: DecodeOptions, header: Header | None) -> None:
    """Decode; with a header also no larger than need be."""
    try:
        decoded = decode(data, options, LIMITS, at_least=None if header is None else (8, 8), header=header)
    except InvalidInputError:
        return
    every = options.frames == "all"
    assert 1 <= len(decoded.frames) <= (LIMITS.frames if every else 1)
    assert len(decoded.durations) == len(decoded.frames)
    pixels = [frame.shape[0] * frame.shape[1] for frame in decoded.frames]
    assert min(pixels) > 0
    assert max(pixels) <= LIMITS.pixels
    assert sum(pixels) <= LIMITS.total_pixels
    for frame in decoded.frames:
        assert frame.flags.c_contiguous
        assert frame.dtype in DTYPES
        assert frame.shape[2:] in {(), (3,), (4,)}


def check_png(data: bytes) -> None:
    """As `check`; and once more with right checksums, without which nearly nothing would be looked at."""
    check(data)
    check(with_checksums(data))


def with_checksums(data: bytes) -> bytes:
    """Return a PNG file with what its checksums should be."""
    content = bytearray(data)
    at = PNG_SIGNATURE
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        content[end : end + 4] = zlib.crc32(content[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(content)


def seeds(name: str) -> Iterable[bytes]:
    """Return files of a format, by real encoders."""
    return [data for kind, data in every_kind(12, 16).items() if kind.split()[0] == name]


CODECS = tuple(
    Target(name, check_png if name == "png" else check, functools.partial(seeds, name), 1 << 13)
    for name in FORMATS
)
