"""Description: what an image is, what its file says of it, and which colours it has."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

from imgsvc._stop import Stop
from imgsvc.codec import (
    CameraData,
    DecodeLimits,
    DecodeOptions,
    Place,
    camera_data,
    decode,
    place,
    profile_name,
    read_header,
    read_metadata,
)
from imgsvc.errors import InvalidImageError
from imgsvc.operations.depth import as_bytes
from imgsvc.operations.scratch import channels_of
from imgsvc.operations.thumbnail import check_thumbnail, thumbnail
from imgsvc.recipes.colors import DominantColor, average_color, dominant_colors, histogram
from imgsvc.recipes.limits import check_size
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.source import RawImage

if TYPE_CHECKING:
    from imgsvc._images import Image
    from imgsvc.codec import Decoded, Header
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.source import ImageFile, Source

__all__ = ["Description", "describe_source"]

UNNAMED = "unnamed"
NOTHING_KNOWN = CameraData()
TIFF_STARTS = (b"II*\0", b"MM\0*")


@dataclasses.dataclass(frozen=True)
class Description:
    """What an image is, what its file says of it, and which colours it has.

    Attributes
    ----------
    format : str
        ``"jpeg"``, ``"png"``, ..., or ``"raw"`` of pixels.
    width, height : int
        Upright.
    channels : int
        1, 3 or 4.
    bits : int
        Of a channel, as decoding gives them where depths are kept: 8, 16, or 32 of floats.
    frames : int
        Counted to 1001 at most.
    orientation : int
        By EXIF, 1 to 8; 1 is upright.
    icc_profile : str or None
        The colour profile's name, ``"unnamed"`` where it has none; None without a profile.
    average_color : tuple of int, or None
        Red, green and blue; None where nothing can be seen.
    dominant_colors : tuple of DominantColor
        At most five, the first of most of the image.
    histogram : tuple of tuple of int
        For each channel how many pixels have the values 0 to 255.
    camera : CameraData
        What EXIF data say, by a list of what is allowed.
    place : Place or None
        Where it was taken, if that was asked for and is known.
    """

    format: str
    width: int
    height: int
    channels: int
    bits: int
    frames: int
    orientation: int
    icc_profile: str | None
    average_color: tuple[int, int, int] | None
    dominant_colors: tuple[DominantColor, ...]
    histogram: tuple[tuple[int, ...], ...] = dataclasses.field(repr=False)
    camera: CameraData = NOTHING_KNOWN
    place: Place | None = None


class Decoder(Protocol):
    """Does what `imgsvc.codec.decode` does."""

    def __call__(self, data: Any, options: DecodeOptions, limits: DecodeLimits, *, header: Header) -> Decoded:
        """Return the image of a file."""


def describe_source(
    source: Source,
    limits: Limits,
    *,
    gps: bool,
    num_threads: int | None = None,
    stop: Stop | None = None,
    decoder: Decoder | None = None,
) -> Description:
    """Return the description of an image; see `imgsvc.describe`.

    Parameters
    ----------
    stop
        Asked between the parts of it.
    decoder
        Who decodes instead of `imgsvc.codec.decode`.

    Raises
    ------
    StoppedError
        `stop` said so.
    """
    stop = stop or Stop()
    if isinstance(source, RawImage):
        described, pixels = _of_pixels(source, limits, num_threads, stop)
    else:
        described, pixels = _of_file(source, limits, gps, decoder or decode)
    check_thumbnail("image", pixels.shape, InvalidImageError)
    small = thumbnail(pixels, num_threads, stop)
    return Description(
        **described,
        height=pixels.shape[0],
        width=pixels.shape[1],
        channels=channels_of(pixels.shape),
        average_color=average_color(small),
        dominant_colors=dominant_colors(small),
        histogram=histogram(pixels, stop),
    )


def _of_pixels(
    source: RawImage, limits: Limits, num_threads: int | None, stop: Stop
) -> tuple[dict[str, Any], Image]:
    check_size(source.shape, 1, limits, "image")
    if source.pixels is None:
        raise InvalidImageError("image", "a shape without pixels", "pixels")
    described = {
        "format": RAW,
        "frames": 1,
        "orientation": 1,
        "bits": 8 * source.dtype.itemsize,
        "icc_profile": _name(source.icc_profile),
    }
    return described, as_bytes(source.pixels, num_threads, stop)


def _of_file(source: ImageFile, limits: Limits, gps: bool, decoder: Decoder) -> tuple[dict[str, Any], Image]:
    header = read_header(source.data)
    check_size(header.shape, 1, limits, "image")
    described = {
        "format": header.format,
        "frames": header.frames,
        "orientation": header.orientation,
        "bits": header.bits,
        **_told(source.data, gps=gps),
    }
    most = DecodeLimits(pixels=limits.pixels, total_pixels=limits.pixels)
    [pixels] = decoder(source.data, DecodeOptions(), most, header=header).frames
    return described, pixels


def _told(data: memoryview | bytes, *, gps: bool) -> dict[str, Any]:
    """Return what a file says beside its pixels."""
    exif, profile = read_metadata(data)
    if data[:4] in TIFF_STARTS:  # which EXIF data are the same as
        exif = bytes(data)
    return {
        "icc_profile": _name(profile),
        "camera": camera_data(exif or b""),
        "place": place(exif) if gps and exif else None,
    }


def _name(profile: bytes | None) -> str | None:
    return None if profile is None else profile_name(profile) or UNNAMED
