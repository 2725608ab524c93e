"""The formats of encoded images: what they hold, and how their bytes begin."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

from PIL import features

from imgsvc.errors import InvalidImageError, InvalidParameterError, UnsupportedFormatError, shown

Format = Literal["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp"]

FormatAlias = Literal["jpg", "tif"]

FORMATS: tuple[Format, ...] = ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp")

FORMAT_ALIASES: Mapping[str, Format] = types.MappingProxyType({"jpg": "jpeg", "tif": "tiff"})
"""Other names that people have for formats; what is named is the format, and is called so from then on."""


@dataclasses.dataclass(frozen=True)
class FormatInfo:
    """What is there of a format.

    Attributes
    ----------
    name, media_type, extensions
        ``"jpeg"``, ``"image/jpeg"``, ``(".jpg", ".jpeg", ...)``; the first extension is the usual one.
    decodes, encodes
        Whether it is built in.
    animated
        It can hold several frames.
    deep
        It can hold 16 bits a channel.
    alpha
        It can hold alpha.
    qualities
        It has a quality.
    lossless
        It can keep every pixel as it is.
    largest_side
        Pixels of a side that it can hold.
    """

    name: Format
    media_type: str
    extensions: tuple[str, ...]
    decodes: bool = True
    encodes: bool = True
    animated: bool = False
    deep: bool = False
    alpha: bool = False
    qualities: bool = False
    lossless: bool = True
    largest_side: int = 65535


@functools.cache
def formats() -> Mapping[str, FormatInfo]:
    """Return the formats by name."""
    # Older Pillows know no AVIF, and warn of the question.
    webp = "webp" in features.get_supported_modules()
    avif = "avif" in features.get_supported_modules()
    tiff = bool(features.check("libtiff"))
    every = (
        FormatInfo(
            "jpeg", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), qualities=True, lossless=False,
            largest_side=65500,
        ),
        FormatInfo("png", "image/png", (".png", ".apng"), animated=True, deep=True, alpha=True,
            largest_side=1 << 30,
        ),
        FormatInfo(
            "webp", "image/webp", (".webp",), webp, webp, animated=True, alpha=True, qualities=True,
            largest_side=16383,
        ),
        FormatInfo(
            "avif", "image/avif", (".avif",), avif, avif, animated=True, alpha=True, qualities=True,
            lossless=False,
        ),
        FormatInfo(
            "tiff", "image/tiff", (".tif", ".tiff"), tiff, tiff, animated=True, deep=True, alpha=True,
            largest_side=1 << 30,
        ),
        FormatInfo("gif", "image/gif", (".gif",), animated=True, alpha=True, lossless=False),
        FormatInfo("bmp", "image/bmp", (".bmp", ".dib")),
    )  # fmt: skip
    return types.MappingProxyType({info.name: info for info in every})


def canonical_format(name: str) -> str:
    """Return a format's own name for one of its aliases; in small letters, whatever the name has."""
    lower = name.lower()
    return FORMAT_ALIASES.get(lower, lower)


def format_named(name: str, field: str = "format") -> FormatInfo:
    """Return a format that is encoded here; `name` may be an alias, in letters of any size.

    Raises
    ------
    InvalidParameterError
        There is no such format.
    UnsupportedFormatError
        It is not built in.
    """
    if not isinstance(name, str) or canonical_format(name) not in FORMATS:
        raise InvalidParameterError(field, shown(name), f"one of {', '.join(map(repr, FORMATS))}")
    info = formats()[canonical_format(name)]
    if not info.encodes:
        raise UnsupportedFormatError(field, shown(name), f"one of {served()}: this build has no other")
    return info


def served() -> str:
    """Return the names of the formats that are decoded here."""
    return ", ".join(info.name.upper() for info in formats().values() if info.decodes)


def format_of(data: bytes, field: str = "image") -> Format:
    """Return the name of the format whose first bytes these are.

    Raises
    ------
    InvalidImageError
        It is none that is known.
    UnsupportedFormatError
        It is one that is not decoded here.
    """
    if not data:
        raise InvalidImageError(field, "no bytes", f"an image: {served()}")
    name = _served_format(data)
    if name is not None and formats()[name].decodes:
        return name
    other = name.upper() if name is not None else _other_format(data)
    if other is not None:
        raise UnsupportedFormatError(field, f"an image in the format {other}", f"one of {served()}")
    raise InvalidImageError(field, "bytes of no known format", f"an image: {served()}")


def format_of_name(name: str) -> Format | None:
    """Return the format that a file's name stands for by its extension, or None."""
    extension = PurePath(name).suffix.lower()
    return next((info.name for info in formats().values() if extension in info.extensions), None)


BRANDS = {b"avif": "avif", b"avis": "avif"}
OTHER_BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC", b"hevx": "HEIC",
    b"crx ": "CR3",
}  # fmt: skip
CONTAINERS = {b"mif1", b"msf1"}
BEGINNINGS: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II\x2a\0", "tiff"),
    (b"MM\0\x2a", "tiff"),
    (b"II\x2b\0", "tiff"),
    (b"MM\0\x2b", "tiff"),
)
OTHER_BEGINNINGS = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"8BPS", "PSD"),
    (b"%PDF", "PDF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\2\0", "CUR"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"v/1\1", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"icns", "ICNS"),
    (b"II\xbc\x01", "JPEG XR"),
)


def _served_format(data: bytes) -> Format | None:
    for beginning, name in BEGINNINGS:
        if data.startswith(beginning):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and len(data) >= 18 and data[14:18] in HEADER_SIZES:
        return "bmp"
    brands = _brands(data)
    if brands and (brands[0] in BRANDS or (brands[0] in CONTAINERS and not BRANDS.keys().isdisjoint(brands))):
        return "avif"
    return None


HEADER_SIZES = {size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)}


def _other_format(data: bytes) -> str | None:
    for beginning, name in OTHER_BEGINNINGS:
        if data.startswith(beginning):
            return name
    for brand in _brands(data):
        if brand in OTHER_BRANDS:
            return OTHER_BRANDS[brand]
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (
        start.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in start
    ):
        return "SVG"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PNM"
    return None


def _brands(data: bytes) -> list[bytes]:
    """Return the brands of a file of boxes, the major one first."""
    if data[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    return [data[8:12], *(data[start : start + 4] for start in range(16, end, 4))]
