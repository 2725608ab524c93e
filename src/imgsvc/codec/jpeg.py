"""JPEG: its segments, and decoding and encoding by libjpeg-turbo."""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import simplejpeg
from PIL import Image

from imgsvc.codec import exif as exif_data
from imgsvc.codec import iptc
from imgsvc.codec.color import DAMAGED
from imgsvc.codec.source import PROFILE_BYTES, DamageError, Source, UnservedError, ends_early

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOI, SOS, EOI = 0xD8, 0xDA, 0xD9
APP0, APP1, APP2, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE
APPLICATIONS, COMMENT = range(0xE0, 0xF0), 0xFE
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
ALONE = {0x01, *range(0xD0, 0xD8)}
MOST_SCANS = 100
"""Each scan of a progressive file goes over the whole image: more are an attack, not a photograph."""

USUAL_SCANS = 10
"""Where those that are not there cannot be counted."""

MOST_SEGMENTS = 10_000
MOST_FIRST_SEGMENTS = 64
PROFILE = b"ICC_PROFILE\0"
SEVERAL = b"MPF\0"
XMP, PHOTOSHOP = b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
MOST_PHOTOSHOP_BYTES = 1 << 20
UNKEPT = (
    (APP1, XMP, "XMP"),
    (APP13, PHOTOSHOP, "IPTC"),
    (COMMENT, b"", "a comment"),
)
END = b"\xff\xd9"
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""One that is no part of a scan."""

HARMLESS = (
    "extraneous bytes", "Inconsistent progression sequence", "Invalid SOS parameters", "Unknown Adobe color",
    "unknown JFIF revision",
)  # fmt: skip
"""Of libjpeg's warnings those that all take; what comes last is told, so that nothing worse was met."""

SEGMENT_BYTES = 65533
REDUCTIONS = (8, 4, 2)
QUALITY = 90
SUBSAMPLING: Final = "4:2:0"
BY_PILLOW = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
"""What Pillow calls them; simplejpeg leaves the colons out."""

MOST_MOVED = 255


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:  # noqa: ARG001 - there is one frame
    """Look through the segments before the pixels, and where these are wanted, for their end."""
    found = _Segments()
    position = 2
    for _ in range(MOST_SEGMENTS):
        position, marker = _next_marker(data, position)
        if marker is None:
            break
        if marker == SOS:
            found.pixels = position - 2
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
        found.take(marker, body, data[position - 2 : position + length])
        position += length
    if found.size is None or (whole and not found.pixels):
        raise ends_early()
    width, height, components = found.size
    scans = _scans(data, found.pixels) if whole or found.is_of_several(data) else ONE_SCAN
    icc, notes = _profile(found.parts), []
    if found.parts and not icc:
        notes.append(DAMAGED)
    file = b""
    if whole:
        if scans.is_cut and not partial:
            raise ends_early()
        file, told = found.file(data, scans)
        notes += told
    return Source(
        "jpeg",
        width,
        height,
        1 if components == 1 else 3,
        file,
        orientation=exif_data.orientation(found.exif) if found.exif else 1,
        icc_profile=icc or None,
        exif=found.exif,
        notes=tuple(notes),
        components=components,
        progressive=found.progressive,
        scans=scans.number if scans.is_marked else max(scans.number, USUAL_SCANS),
        unkept=tuple(found.unkept),
        others=found.others(),
    )


class _Segments:
    """What is found in the segments before the pixels.

    Attributes
    ----------
    size
        Width, height and components.
    exif, parts, unkept
        EXIF data, parts of a colour profile, and the names of other metadata.
    xmp, photoshop
        XMP data, and parts of Photoshop's, which hold IPTC data.
    pixels
        Where they begin.
    """

    def __init__(self) -> None:
        self.size: tuple[int, int, int] | None = None
        self.exif: bytes | None = None
        self.parts: list[bytes] = []
        self.xmp: bytes | None = None
        self.photoshop: list[bytes] = []
        self.unkept: list[str] = []
        self.progressive = False
        self.pixels = 0
        self._has_others = False
        self._kept: list[bytes] = [b"\xff\xd8"]

    def take(self, marker: int, body: bytes, segment: bytes) -> None:
        """Look at one."""
        if marker in FRAMES:
            self.size = _size(body)
            self.progressive = marker in PROGRESSIVE
        elif marker == APP1 and body.startswith(exif_data.PREFIX) and self.exif is None:
            self.exif = body[len(exif_data.PREFIX) :]
        elif marker == APP2 and body.startswith(PROFILE):
            self.parts.append(body[len(PROFILE) :])
        elif marker == APP2 and body.startswith(SEVERAL):
            self._has_others = True
        else:
            found = next(
                (name for at, start, name in UNKEPT if marker == at and body.startswith(start)), None
            )
            if found is not None and found not in self.unkept:
                self.unkept.append(found)
            if found == "XMP" and self.xmp is None:
                self.xmp = body[len(XMP) :]
            elif found == "IPTC":
                self.photoshop.append(body[len(PHOTOSHOP) :])
        if marker in {APP0, APP14} or not (marker in APPLICATIONS or marker == COMMENT):
            self._kept.append(segment)

    def others(self) -> tuple[tuple[str, bytes], ...]:
        """Return what else may say something of rights, as `Source` has it."""
        found = [] if self.xmp is None else [("XMP", self.xmp)]
        if sum(map(len, self.photoshop)) > MOST_PHOTOSHOP_BYTES:
            return (*found, ("IPTC", b""))
        content = iptc.of_photoshop(b"".join(self.photoshop))
        return tuple(found) if content is None else (*found, ("IPTC", content))

    def is_of_several(self, data: bytes) -> bool:
        """Return whether there may be several scans: the first does not say all."""
        if self.size is None or not self.pixels:
            return False
        return self.progressive or data[self.pixels + 4 : self.pixels + 5] != bytes([self.size[2]])

    def file(self, data: bytes, scans: Scans) -> tuple[bytes, list[str]]:
        """Return a file with what decoding needs, and an end; and what there is to say of it."""
        start, end = self.pixels, scans.end
        notes = []
        if not scans.is_marked:
            pixels = data[start:end].removesuffix(b"\xff") + END
            notes.append("it ends without its end marker")
        else:
            pixels = data[start : end + len(END)]
            behind = data[end + len(END) :]
            if self._has_others or behind.startswith(b"\xff\xd8\xff"):
                notes.append("it holds further pictures, such as a gain map, which are dropped")
            elif behind.strip(b"\0"):
                notes.append(f"the {len(behind)} bytes behind its end are dropped")
        return b"".join([*self._kept, pixels]), notes


class Scans(NamedTuple):
    """What there is behind the first segments.

    Attributes
    ----------
    number
        How many go over the image.
    end
        Where the end marker is, or the last whole segment ends.
    is_marked
        Whether there is an end marker.
    is_cut
        Whether there is a segment that is not whole.
    """

    number: int
    end: int
    is_marked: bool
    is_cut: bool


ONE_SCAN = Scans(1, 0, is_marked=True, is_cut=False)


def _scans(data: bytes, position: int) -> Scans:
    """Return what the scans are whose first is there; raises DamageError where there are too many."""
    count = 0
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(data, position)
        if found is None:
            return Scans(count, len(data), is_marked=False, is_cut=False)
        start, marker = found.start(), data[found.start() + 1]
        if marker == EOI:
            return Scans(count, start, is_marked=True, is_cut=False)
        position = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if max(position, start + 4) > len(data):
            return Scans(count, start, is_marked=False, is_cut=True)
        count += marker == SOS
        if count > MOST_SCANS:
            raise DamageError(f"it has more than {MOST_SCANS} scans")
    raise DamageError(f"it has more than {MOST_SEGMENTS} segments")


def decode(
    data: bytes, source: Source, least: tuple[int, int] | None, *, partial: bool
) -> NDArray[np.uint8] | None:
    """Return the pixels as stored, at least as large as `least`; None where Pillow has to do it.

    If `partial`, those that are missing are gray, and those behind damage are what libjpeg makes of it.

    Raises
    ------
    DamageError
        libjpeg-turbo finds the file damaged or cut short.
    """
    if source.components not in {1, 3}:
        return None
    factor = 1 if least is None else reduction(source.width, source.height, *least)
    shape = -(-source.height // factor), -(-source.width // factor), source.channels
    pixels = _decoded(data, "GRAY" if source.channels == 1 else "RGB", shape, partial)
    return pixels[:, :, 0] if pixels is not None and source.channels == 1 else pixels


def decode_cmyk(data: bytes, source: Source, *, partial: bool) -> Image.Image:
    """Return the picture of a file of four components; raises as `decode`."""
    inks = _decoded(data, "CMYK", (source.height, source.width, 4), partial)
    if inks is None:
        raise DamageError("its colours cannot be decoded")
    return Image.fromarray(np.bitwise_not(inks), "CMYK")  # Adobe, who began it, stores what is left white


def _decoded(data: bytes, space: str, shape: tuple[int, int, int], partial: bool) -> NDArray[np.uint8] | None:
    height, width, _ = shape
    # What is left out, after an error that ends all, has to be something.
    room = np.zeros(shape, np.uint8) if partial else None
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, space, min_width=width, min_height=height, buffer=room, strict=not partial
        )
    except ValueError as error:
        text = str(error)
        if "Premature end" in text or "truncated" in text:
            raise ends_early() from error
        if not partial and any(warning in text for warning in HARMLESS):
            return _decoded(data, space, shape, partial=True)
        if "Corrupt JPEG data" in text:
            raise DamageError(text) from error
        return None
    return pixels


def reduction(width: int, height: int, least_width: int, least_height: int) -> int:
    """Return the largest of 8, 4, 2 and 1 that leaves at least so many pixels a side, and them in place.

    Of a side that is no multiple of it the last pixel covers less than the others, and everything is moved by
    a part of it: by less than a 255th of the side, or what is gradual would become another value.
    """
    sides = (width, least_width), (height, least_height)
    for factor in REDUCTIONS:
        if all(
            -(-side // factor) >= least and MOST_MOVED * (-side % factor) <= side for side, least in sides
        ):
            return factor
    return 1


def encode(
    pixels: NDArray[np.uint8],
    quality: int,
    *,
    progressive: bool = False,
    effort: int | None = None,
    subsampling: str = SUBSAMPLING,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
) -> bytes:
    """Return a baseline or progressive file of gray or RGB pixels."""
    if progressive or (effort is not None and effort >= SMALLER):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(
            buffer,
            "JPEG",
            quality=quality,
            progressive=progressive,
            optimize=True,
            subsampling=BY_PILLOW[subsampling],
        )
        data = buffer.getvalue()
    else:
        layout: dict[str, Any] = {"colorspace": "RGB", "colorsubsampling": subsampling.replace(":", "")}
        if pixels.ndim == 2:
            layout = {"colorspace": "GRAY", "colorsubsampling": "Gray"}
            pixels = pixels[:, :, np.newaxis]
        data = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=quality, fastdct=effort == 0, **layout
        )
    segments = list(_metadata(icc_profile, exif, xmp))
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


def is_progressive(data: bytes, position: int) -> bool:
    """Return whether a stream that begins there is progressive, by its first segments."""
    for _ in range(MOST_FIRST_SEGMENTS):
        position, marker = _next_marker(data, position)
        if marker is None or marker == SOS:
            return False
        if marker in FRAMES:
            return marker in PROGRESSIVE
        if marker not in ALONE and marker != SOI:
            position += int.from_bytes(data[position : position + 2], "big")
    return False


def _size(body: bytes) -> tuple[int, int, int]:
    if len(body) < 6:
        raise ends_early()
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8:
        raise UnservedError(f"JPEG of {precision} bits")
    if components not in {1, 3, 4}:
        raise DamageError(f"it has {components} components")
    return width, height, components


def _profile(parts: list[bytes]) -> bytes:
    """Return a profile whose parts are there, each once and in their order; none if they are not."""
    if any(part[:2] != bytes((number, len(parts) & 0xFF)) for number, part in enumerate(parts[:256], 1)):
        return b""
    profile = b"".join([part[2:] for part in parts])
    return profile if len(parts) < 256 and len(profile) <= PROFILE_BYTES else b""


def _metadata(icc_profile: bytes | None, exif: bytes | None, xmp: bytes | None) -> list[bytes]:
    segments = []
    if exif and len(exif) + len(exif_data.PREFIX) <= SEGMENT_BYTES:
        segments.append(_segment(APP1, exif_data.PREFIX + exif))
    if xmp and len(xmp) + len(XMP) <= SEGMENT_BYTES:
        segments.append(_segment(APP1, XMP + xmp))
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
