"""What the reader of a format finds in the bytes before any pixel is decoded."""

from __future__ import annotations

import dataclasses
from typing import Any

COUNTED_FRAMES = 1001
"""Frames are counted up to here unless somebody asks for more: counting reads the file."""

FIRST_ALONE = 2
"""What is counted to where one frame is wanted: whether there are more. Nothing behind it refuses a file."""

PROFILE_BYTES = 4 << 20
"""A colour profile that is larger is none."""


@dataclasses.dataclass(frozen=True)
class Source:
    """An encoded image that has been looked through.

    Attributes
    ----------
    format
        The name in lower case.
    width, height
        As stored, before the orientation is applied.
    frames
        How many; counting stops at what its reader was told.
    hidden
        Of PNG: how many pictures come before the frames, for readers that know none: one or none.
    channels, bits
        What decoding gives: 1, 3 or 4 channels; 8, 16 or 32 bits where they are kept.
    orientation
        By EXIF, 1 to 8.
    icc_profile, exif
        As they are in the file.
    unkept
        What metadata there are that are not carried on, such as XMP.
    others
        Metadata beside `exif` in which rights may be said: ``"EXIF"``, ``"IPTC"`` or ``"XMP"``, and the
        bytes; no bytes of those that are damaged or too long.
    pillow_data
        The bytes for Pillow: nothing in them but what decoding needs.
    notes
        What was lost already.
    components
        Of JPEG: channels as stored.
    scans
        Of JPEG: how many go over the image.
    progressive
        Of JPEG: whether each makes pixels better.
    coding
        How pixels are written, where the format has several ways: of TIFF such as ``"lzw"``, of WebP
        ``"lossless"``.
    stored_bits
        Of a pixel in PNG and TIFF, before it is compressed.
    made_anew
        Of TIFF: whether pixels are written anew before they are decoded.
    parts
        Of TIFF: strips or tiles of the page that has most.
    first_bytes
        Of WebP that is animated: those of the first frame.
    depth
        Of PNG and TIFF: the bits of a channel as stored.
    transparent
        Of PNG in gray or RGB: the one colour that is transparent, as stored.
    window
        Where the image begins in what Pillow decodes, left and top, if that is larger.
    largest_part
        Of TIFF: the most pixels that a page, or a tile of one, has; of GIF, those of a canvas for all frames;
        of AVIF, those that are decoded.
    stored
        Of TIFF: how its pages store their pixels, each an `imgsvc.codec.tiff_pixels.Stored`.
    """

    format: str
    width: int
    height: int
    channels: int
    pillow_data: bytes
    frames: int = 1
    hidden: int = 0
    bits: int = 8
    orientation: int = 1
    icc_profile: bytes | None = None
    exif: bytes | None = None
    loop: int = 0
    unkept: tuple[str, ...] = ()
    others: tuple[tuple[str, bytes], ...] = ()
    notes: tuple[str, ...] = ()
    components: int = 0
    scans: int = 1
    progressive: bool = False
    coding: str = ""
    stored_bits: int = 0
    made_anew: bool = False
    parts: int = 0
    first_bytes: int = 0
    depth: int = 8
    transparent: tuple[int, ...] | None = None
    window: tuple[int, int] | None = None
    largest_part: int = 0
    stored: tuple[Any, ...] = ()

    @property
    def pixels(self) -> int:
        """The pixels of the largest frame, as decoding has them in memory."""
        return max(self.width * self.height, self.largest_part)


class DamageError(Exception):
    """What is wrong with the bytes; it never leaves the codec.

    Parameters
    ----------
    reason
        In a few words.
    truncated
        Whether they merely end too early.
    """

    def __init__(self, reason: str, *, truncated: bool = False) -> None:
        super().__init__(reason)
        self.truncated = truncated


class UnservedError(Exception):
    """A kind of file that a reader knows and does not serve; it never leaves the codec."""


def ends_early() -> DamageError:
    """Return the error for bytes that end where more were announced."""
    return DamageError("it ends too early", truncated=True)
