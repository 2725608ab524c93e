"""What an encoded image says of itself, found without decoding pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from imgsvc.codec import avif, bmp, gif, jpeg, png, tiff, webp
from imgsvc.codec.color import converts
from imgsvc.codec.formats import format_of
from imgsvc.codec.source import COUNTED_FRAMES, FIRST_ALONE, DamageError, Source, UnservedError
from imgsvc.codec.turning import SIDEWAYS
from imgsvc.errors import ImgsvcError, InvalidImageError, UndecodableImageError, UnsupportedFormatError

if TYPE_CHECKING:
    from imgsvc.codec.decode_options import Frames

__all__ = ["Header", "failure", "header_of", "read_header", "read_metadata", "read_source", "reduced_size"]


@dataclasses.dataclass(frozen=True)
class Header:
    """What an encoded image says of itself.

    Attributes
    ----------
    format
        One of `FORMATS`.
    width, height
        Upright.
    frames
        How many; it is counted to 1001 at most, because counting reads the file.
    channels
        1, 3 or 4: what `decode` gives at 8 bits.
    bits
        8, 16 or 32: what `decode` gives at most where depths are kept.
    orientation
        By EXIF, 1 to 8.
    has_icc
        Whether there is a colour profile.
    converted
        Whether colours have to be converted to become sRGB.
    scans
        Of JPEG: how many go over the image.
    components
        Of JPEG: the channels as stored.
    progressive
        Whether it is a progressive JPEG.
    coding
        How pixels are written, where the format has several ways: of TIFF such as ``"lzw"``, of WebP
        ``"lossless"``.
    stored_bits
        Of a pixel in PNG and TIFF, before it is compressed; 0 of other formats.
    made_anew
        Of TIFF: whether pixels are written anew before they are decoded.
    decoded_pixels
        Of the largest frame as the decoder has it, which may be more than is shown.
    parts
        Of TIFF: strips or tiles of the page that has most.
    first_bytes
        Of WebP that is animated: those of the first frame.
    """

    format: str
    width: int
    height: int
    frames: int
    channels: int
    bits: int
    orientation: int
    has_icc: bool
    converted: bool = False
    scans: int = 1
    components: int = 0
    progressive: bool = False
    coding: str = ""
    stored_bits: int = 0
    made_anew: bool = False
    decoded_pixels: int = 0
    parts: int = 0
    first_bytes: int = 0

    @property
    def most_pixels(self) -> int:
        """The pixels of a frame that are decoded, or shown, if these are more."""
        return max(self.width * self.height, self.decoded_pixels)

    def as_stored(self) -> Header:
        """Return what it says where no orientation is applied."""
        if self.orientation not in SIDEWAYS:
            return self
        return dataclasses.replace(self, width=self.height, height=self.width, orientation=1)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a decoded frame."""
        size = (self.height, self.width)
        return size if self.channels == 1 else (*size, self.channels)


def read_header(
    data: bytes | bytearray | memoryview, field: str = "image", *, frames: Frames | None = "all"
) -> Header:
    """Return what an encoded image says of itself, without decoding pixels.

    The first bytes of a file do, of most formats: some 100 KB of JPEG, PNG, WebP, GIF and BMP. (TIFF may have
    its directory at the end, and of AVIF the decoder wants all. Frames are counted among the bytes given.)

    Parameters
    ----------
    frames
        With ``"first"`` nothing counts but the first one, and whether there are more.

    Raises
    ------
    InvalidImageError
        The bytes are no image; an `UndecodableImageError`: a damaged one.
    UnsupportedFormatError
        They are one in a format that is not decoded here.
    """
    most = COUNTED_FRAMES if frames == "all" else FIRST_ALONE
    source = read_source(bytes(data), field, most, whole=False)
    return header_of(source, field)


def read_metadata(
    data: bytes | bytearray | memoryview, field: str = "image"
) -> tuple[bytes | None, bytes | None]:
    """Return the EXIF data and the colour profile of an encoded image, wherever in it they are.

    Raises
    ------
    InvalidImageError, UnsupportedFormatError
        As `read_header`, and for files that end too early.
    """
    source = read_source(bytes(data), field, FIRST_ALONE, whole=True)
    return source.exif, source.icc_profile


def reduced_size(header: Header, at_least: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height to which `decode` reduces an image with `at_least`: of a JPEG only.

    Nor one in colours that libjpeg-turbo does not convert, which its header does not tell.
    """
    size = header.width, header.height
    factor = jpeg.reduction(*size, *at_least) if header.format == "jpeg" else 1
    return -(-size[0] // factor), -(-size[1] // factor)


Reader = Callable[..., Source]
"""Looks bytes of its format through, and counts frames up to a number.

Where `whole`, pixels are wanted next, and have to be there, unless `partial`: then what is there does.
"""

READERS: dict[str, Reader] = {
    "jpeg": jpeg.read,
    "png": png.read,
    "webp": webp.read,
    "avif": avif.read,
    "tiff": tiff.read,
    "gif": gif.read,
    "bmp": bmp.read,
}
EXPECTED_PIXELS = "an image with 8 or 16 unsigned bits a channel, or floats"
HINTS = ("truncat", "end of", "not enough", "buffer is not large enough", "incomplete", "unexpected eof")


def read_source(data: bytes, field: str, frames: int, *, whole: bool, partial: bool = False) -> Source:
    """Look an image through: all of it if `whole`, and no more than its header else; see `Reader`."""
    name = format_of(data, field)
    try:
        return READERS[name](data, frames, whole=whole, partial=partial)
    except (ImgsvcError, MemoryError):
        raise
    except Exception as error:
        raise failure(error, name, field) from error


def failure(error: Exception, name: str, field: str) -> ImgsvcError:
    """Return what to say of an image that a decoder gave up on."""
    if isinstance(error, UnservedError):
        return UnsupportedFormatError(field, f"a {error}", EXPECTED_PIXELS)
    reason = " ".join(str(error).split())
    if getattr(error, "truncated", False) or any(hint in reason.lower() for hint in HINTS):
        return UndecodableImageError(field, f"a {name.upper()} file that ends too early", "a whole one")
    told = f" ({reason[:120]})" if isinstance(error, DamageError) else ""
    return UndecodableImageError(field, f"a damaged {name.upper()} file{told}", "one that can be decoded")


def header_of(source: Source, field: str) -> Header:
    """Return what an image that was looked through says of itself, upright."""
    width, height = source.width, source.height
    if width < 1 or height < 1:
        raise InvalidImageError(field, f"{width}×{height} pixels", "at least one row and one column")
    if source.orientation in SIDEWAYS:
        width, height = height, width
    return Header(
        source.format,
        width,
        height,
        source.frames,
        source.channels,
        source.bits,
        source.orientation,
        source.icc_profile is not None,
        source.icc_profile is not None and converts(source.icc_profile),
        source.scans,
        source.components,
        source.progressive,
        source.coding,
        source.stored_bits,
        source.made_anew,
        source.pixels,
        source.parts,
        source.first_bytes,
    )
