"""Encoded images → arrays. The bytes are a stranger's: everything is checked before a pixel is decoded."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from imgsvc.codec import bmp, jpeg, png, tiff
from imgsvc.codec import exif as exif_data
from imgsvc.codec.color import profile_of_deep, with_settled_colours
from imgsvc.codec.decode_options import DecodeLimits, DecodeOptions
from imgsvc.codec.header import failure, header_of, read_source
from imgsvc.codec.pillow import load, opened
from imgsvc.codec.pixels import converted
from imgsvc.codec.source import FIRST_ALONE, DamageError
from imgsvc.codec.turning import SIDEWAYS, turned
from imgsvc.errors import ImgsvcError, InvalidImageError, UndecodableImageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

    from imgsvc.codec.header import Header
    from imgsvc.codec.source import Source

__all__ = ["PARTIAL", "Decoded", "decode"]

CMYK_COMPONENTS = 4
RGB, DEEP = 3, 16


@dataclasses.dataclass(frozen=True)
class Decoded:
    """An image that was decoded.

    Attributes
    ----------
    frames : tuple of ndarray
        Each (H, W), (H, W, 3) or (H, W, 4), C-contiguous, perhaps read-only; uint8, or with depths kept also
        uint16 or float32.
    format
        Which one it was in.
    durations
        Milliseconds of each frame; 0 for a still.
    loop
        How often they are shown; 0 is for ever.
    icc_profile
        The colour profile of these pixels, where it was kept.
    exif
        EXIF data without their prefix; their orientation is that of the pixels.
    notes
        What was lost, one text each.
    scale
        1, 2, 4 or 8: how many times fewer pixels a side than the file has.
    unkept
        What metadata the file has that no output keeps as they are, such as ``"XMP"``.
    others
        Metadata beside `exif` of which an output may keep what is said of rights: ``"EXIF"``, ``"IPTC"`` or
        ``"XMP"``, and the bytes as they are in the file.
    """

    frames: tuple[NDArray[Any], ...]
    format: str = ""
    durations: tuple[int, ...] = (0,)
    loop: int = 0
    icc_profile: bytes | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()
    scale: int = 1
    unkept: tuple[str, ...] = ()
    others: tuple[tuple[str, bytes], ...] = ()


def decode(
    data: bytes | bytearray | memoryview,
    options: DecodeOptions | None = None,
    limits: DecodeLimits | None = None,
    *,
    at_least: tuple[int, int] | None = None,
    header: Header | None = None,
    field: str = "image",
) -> Decoded:
    """Decode an image whose format is found from its bytes.

    Parameters
    ----------
    at_least
        Width and height, upright, that are enough: a JPEG is then decoded to a half, a quarter or an eighth
        of its size, which takes a fraction of the time, as long as neither side gets smaller than that.
    header
        What `read_header` returned for this image; the limits are then checked before the bytes are copied.
    field
        The name by which messages call the image.

    Raises
    ------
    InvalidImageError
        The bytes are no image, or exceed a limit; an `UndecodableImageError`: a damaged image.
    UnsupportedFormatError
        They are one in a format that is not decoded here.
    """
    options, limits = options or DecodeOptions(), limits or DecodeLimits()
    if header is not None:
        _check_size(header.width, header.height, header.width * header.height, limits, field)
    content = bytes(data)
    try:
        return _checked_and_decoded(content, options, limits, at_least, field)
    except UndecodableImageError as error:
        if options.damaged != "partial":
            raise
        refusal = error.with_traceback(None)  # which would hold what was decoded
    refusal.__cause__ = refusal.__context__ = None
    try:
        decoded = _checked_and_decoded(content, options, limits, at_least, field, partial=True)
    except UndecodableImageError:
        raise refusal from None
    return dataclasses.replace(decoded, notes=(*decoded.notes, PARTIAL))


PARTIAL = "the file is damaged: some of its pixels are missing"


def _checked_and_decoded(
    data: bytes,
    options: DecodeOptions,
    limits: DecodeLimits,
    at_least: tuple[int, int] | None,
    field: str,
    *,
    partial: bool = False,
) -> Decoded:
    """Decode all of an image, or if `partial` what is there of it."""
    every = options.frames == "all"
    source = read_source(
        data, field, limits.frames + 1 if every else FIRST_ALONE, whole=True, partial=partial
    )
    header_of(source, field)
    _check_size(source.width, source.height, source.pixels, limits, field, orientation=source.orientation)
    if every and source.frames > 1:
        _check_frames(source, limits, field)
    try:
        return _decoded(source, options, at_least, partial=partial)
    except (ImgsvcError, MemoryError):
        raise
    except Exception as error:
        raise failure(error, source.format, field) from error


def _check_size(
    width: int, height: int, pixels: int, limits: DecodeLimits, field: str, *, orientation: int = 1
) -> None:
    if orientation in SIDEWAYS:
        width, height = height, width
    if max(pixels, width * height) > min(limits.pixels, limits.total_pixels):
        size = (
            f"{width}×{height} pixels" if pixels <= width * height else f"a page or tile of {pixels} pixels"
        )
        raise InvalidImageError(field, size, f"at most {min(limits.pixels, limits.total_pixels)}")


def _check_frames(source: Source, limits: DecodeLimits, field: str) -> None:
    if source.frames > limits.frames:
        raise InvalidImageError(field, f"more than {limits.frames} frames", f"at most {limits.frames}")
    if source.frames * source.pixels > limits.total_pixels:
        size = f"{source.frames} frames of {source.width}×{source.height} pixels"
        raise InvalidImageError(field, size, f"at most {limits.total_pixels} pixels together")


def _decoded(
    source: Source, options: DecodeOptions, at_least: tuple[int, int] | None, *, partial: bool
) -> Decoded:
    every = options.frames == "all"
    notes = list(source.notes)
    if source.frames > 1 and not every:
        notes.append("only the first frame is used")
    orientation = source.orientation if options.turns else 1
    if at_least is not None and source.orientation in SIDEWAYS and options.turns:
        at_least = at_least[::-1]
    frames: list[NDArray[Any]] = []
    durations = []
    profile = source.icc_profile
    pixels = _read_without_pillow(source, options, at_least, partial=partial)
    if pixels is not None:
        pixels, profile, told = _settled(pixels, profile, source, options)
        notes += told
        frames.append(turned(pixels, orientation))
        durations.append(0)
        scale = -(-source.width // pixels.shape[1])
    else:
        scale = 1
        with (
            _opened(source, at_least if options.shrinks else None, partial=partial) as image,
            _opened_again(source, options) as low,
        ):
            first = source.hidden if every else 0
            for index in range(first, first + (source.frames if every else 1)):
                try:
                    # A part of a later frame would be without what it is drawn upon.
                    _load_frame(image, low, index, source, partial=partial and not frames)
                except Exception:
                    if not (partial and frames):
                        raise
                    break
                frame, told, profile = converted(_clipped(image, source), source, options, low)
                notes += [note for note in told if note not in notes]
                frames.append(turned(frame, orientation))
                durations.append(max(0, round(image.info.get("duration", 0) or 0)))
    scale = max((factor for factor in (1, *jpeg.REDUCTIONS) if factor <= scale), default=1)
    exif = source.exif
    if exif and options.turns:
        exif = exif_data.upright(exif)
    return Decoded(
        tuple(frames),
        source.format,
        tuple(durations),
        source.loop,
        profile,
        exif,
        tuple(notes),
        scale,
        source.unkept,
        source.others,
    )


def _load_frame(
    image: Image.Image, low: ImageFile | None, index: int, source: Source, *, partial: bool
) -> None:
    """Decode a frame's pixels, of which Pillow may say that they are more than its header has told."""
    if index:
        image.seek(index)
    if image.width * image.height > source.pixels:
        raise DamageError("a frame is larger than the image")
    if low is not None:
        low.seek(index)
        if source.stored[index].halves:
            tiff.halve(image, low)  # type: ignore[arg-type]  # a file's image
            load(low, partial=partial)
    load(image, partial=partial)


def _read_without_pillow(
    source: Source, options: DecodeOptions, at_least: tuple[int, int] | None, *, partial: bool
) -> NDArray[Any] | None:
    """Return the pixels of a still that others decode better than Pillow does; None of the rest."""
    if source.format == "jpeg":
        return jpeg.decode(source.pillow_data, source, at_least if options.shrinks else None, partial=partial)
    if source.format == "bmp":
        return bmp.decode(source.pillow_data, partial=partial)
    if source.format == "png" and source.frames == 1 and source.depth == DEEP:
        if source.bits == DEEP and source.channels > 1 and options.depth == "keep":
            return png.decode_deep(source.pillow_data, partial=partial)
        if len(source.transparent or ()) == RGB:
            return png.decode_with_key(source, partial=partial)
    return None


def _settled(
    pixels: NDArray[Any], profile: bytes | None, source: Source, options: DecodeOptions
) -> tuple[NDArray[Any], bytes | None, list[str]]:
    """Return pixels in sRGB, or with the profile that is theirs, and what to say of that."""
    keep = options.color == "keep"
    if profile is None:
        return pixels, None, []
    if pixels.dtype != np.uint8:
        return pixels, *profile_of_deep(profile, source.channels, keep=keep)
    picture, profile, told = with_settled_colours(
        Image.fromarray(pixels), profile, source.channels, keep=keep
    )
    return np.asarray(picture), profile, told


def _clipped(image: Image.Image, source: Source) -> Image.Image:
    """Return a frame without what is decoded and not shown."""
    if source.window is None or image.size == (source.width, source.height):
        return image
    left, top = source.window
    return image.crop((left, top, left + source.width, top + source.height))


def _opened_again(source: Source, options: DecodeOptions) -> AbstractContextManager[ImageFile | None]:
    """Return another image of a TIFF in colours whose 16 bits are kept: one is for each byte of them."""
    if source.format == "tiff" and source.channels > 1 and source.bits == DEEP and options.depth == "keep":
        return opened(source.format, source.pillow_data)
    return contextlib.nullcontext()


def _opened(source: Source, at_least: tuple[int, int] | None, *, partial: bool) -> Image.Image:
    if source.components == CMYK_COMPONENTS:
        return jpeg.decode_cmyk(source.pillow_data, source, partial=partial)
    image = opened(source.format, source.pillow_data)
    if source.format == "jpeg" and at_least is not None:
        factor = jpeg.reduction(source.width, source.height, *at_least)
        image.draft(image.mode, (-(-source.width // factor), -(-source.height // factor)))
    return image
