"""Description: what an image is, what its file says of it, and which colours it has.

As a recipe's, its plan is known before anything is allocated.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Protocol

from imgsvc._stop import Stop
from imgsvc.codec import (
    CameraData,
    DecodeLimits,
    DecodeOptions,
    GpsPosition,
    camera_data,
    decode,
    gps_position,
    profile_name,
    read_header,
    read_metadata,
)
from imgsvc.errors import InvalidImageError
from imgsvc.operations import Convert
from imgsvc.operations.depth import as_bytes
from imgsvc.operations.histogram import histogram, histogram_bytes, histogram_cost
from imgsvc.operations.scratch import channels_of
from imgsvc.operations.thumbnail import check_thumbnail, thumbnail, thumbnail_bytes, thumbnail_cost
from imgsvc.recipes.colors import COLORS_BYTES, COLORS_COST, DominantColor, average_color, dominant_colors
from imgsvc.recipes.planning import UINT8, plan_input
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.source import RawImage

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape
    from imgsvc.codec import Decoded, Header
    from imgsvc.recipes.limits import Limits
    from imgsvc.recipes.planning import InputPlan
    from imgsvc.recipes.source import ImageFile, Source

__all__ = ["Description", "DescriptionPlan", "describe_source", "plan_description"]

DECODING = DecodeOptions()
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
    gps : GpsPosition or None
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
    gps: GpsPosition | None = None


@dataclasses.dataclass(frozen=True)
class DescriptionPlan:
    """What it takes to describe an image.

    Attributes
    ----------
    input : InputPlan
        The image; of a file, its first frame.
    """

    input: InputPlan

    @property
    def cost(self) -> int:
        """What looking at its pixels costs; in bytes copied, as operations count it."""
        shape, dtype = self.input.shape, self.input.dtype
        converting = 0 if dtype == UINT8 else Convert().cost_of(shape, dtype)
        return converting + thumbnail_cost(shape) + COLORS_COST + histogram_cost(shape)

    @property
    def num_bytes(self) -> int:
        """The memory that it takes beside the request and copies of its file, at most, with one thread."""
        whole = self.input
        converted = 0 if whole.dtype == UINT8 else math.prod(whole.shape)
        looking = max(thumbnail_bytes(whole.shape, 1) + COLORS_BYTES, histogram_bytes(whole.shape, 1))
        return whole.decoded_bytes + max(whole.decoder_bytes, converted + looking)


class Decoder(Protocol):
    """Does what `imgsvc.codec.decode` does."""

    def __call__(self, data: Any, options: DecodeOptions, limits: DecodeLimits, *, header: Header) -> Decoded:
        """Return the image of a file."""


def plan_description(source: Source, limits: Limits) -> DescriptionPlan:
    """Plan what describing `source` takes.

    Raises
    ------
    InvalidInputError
        The image is none, or beyond a limit.
    """
    whole = plan_input(source, DECODING, limits)
    _check_sides(whole.shape)
    return DescriptionPlan(whole)


def describe_source(
    source: Source,
    limits: Limits,
    *,
    gps: bool,
    plan: DescriptionPlan | None = None,
    num_threads: int | None = None,
    stop: Stop | None = None,
    decoder: Decoder | None = None,
) -> Description:
    """Return the description of an image; see `imgsvc.describe`.

    Parameters
    ----------
    plan
        That for this source, where there is one already.
    stop
        Asked between the parts of it.
    decoder
        Who decodes instead of `imgsvc.codec.decode`.

    Raises
    ------
    InvalidInputError
        The image is none, beyond a limit, or damaged.
    StoppedError
        `stop` said so.
    """
    plan, stop = plan or plan_description(source, limits), stop or Stop()
    if isinstance(source, RawImage):
        described, pixels = _of_pixels(source, num_threads, stop)
    else:
        described, pixels = _of_file(source, plan.input.header, limits, gps, decoder or decode)
        _check_sides(pixels.shape)  # which may be others than the header said
    small = thumbnail(pixels, num_threads, stop)
    return Description(
        **described,
        height=pixels.shape[0],
        width=pixels.shape[1],
        channels=channels_of(pixels.shape),
        average_color=average_color(small),
        dominant_colors=dominant_colors(small),
        histogram=tuple(map(tuple, histogram(pixels, num_threads, stop).tolist())),
    )


def _check_sides(shape: Shape) -> None:
    check_thumbnail("image", shape, InvalidImageError)


def _of_pixels(source: RawImage, num_threads: int | None, stop: Stop) -> tuple[dict[str, Any], Image]:
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


def _of_file(
    source: ImageFile, header: Header | None, limits: Limits, gps: bool, decoder: Decoder
) -> tuple[dict[str, Any], Image]:
    # Of several frames, which are counted now, the plan has looked at the first alone.
    whole = header if header is not None and header.frames == 1 else read_header(source.data)
    described = {
        "format": whole.format,
        "frames": whole.frames,
        "orientation": whole.orientation,
        "bits": whole.bits,
        **_told(source.data, gps=gps),
    }
    most = DecodeLimits(pixels=limits.pixels, total_pixels=limits.pixels)
    [pixels] = decoder(source.data, DECODING, most, header=header or whole).frames
    return described, pixels


def _told(data: memoryview | bytes, *, gps: bool) -> dict[str, Any]:
    """Return what a file says beside its pixels."""
    exif, profile = read_metadata(data)
    if data[:4] in TIFF_STARTS:  # which EXIF data are the same as
        exif = bytes(data)
    return {
        "icc_profile": _name(profile),
        "camera": camera_data(exif or b""),
        "gps": gps_position(exif) if gps and exif else None,
    }


def _name(profile: bytes | None) -> str | None:
    return None if profile is None else profile_name(profile) or UNNAMED
