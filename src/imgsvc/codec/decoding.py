"""Encoded images → arrays. The bytes are a stranger's: everything is checked before a pixel is decoded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from PIL import Image

from imgsvc.codec import avif, bmp, gif, jpeg, png, tiff, webp
from imgsvc.codec import exif as exif_data
from imgsvc.codec.color import converts, profile_of_deep, with_settled_colours
from imgsvc.codec.formats import format_of
from imgsvc.codec.pillow import load, opened
from imgsvc.codec.source import COUNTED_FRAMES, FIRST_ALONE, DamageError, Source, UnservedError
from imgsvc.codec.turning import SIDEWAYS, turned
from imgsvc.errors import (
    ImgsvcError,
    InvalidImageError,
    InvalidParameterError,
    UndecodableImageError,
    UnsupportedFormatError,
    shown,
)
from imgsvc.operations.parameters import integer, one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 1 << 48
OPAQUE, MAX_16_BIT = 255, 65535
CMYK_COMPONENTS = 4
RGB, DEEP = 3, 16
Depth = Literal["8", "keep"]
Color = Literal["keep", "srgb"]
Frames = Literal["first", "all"]
Damaged = Literal["refuse", "partial"]
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
GRAYS = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"}


@dataclasses.dataclass(frozen=True)
class DecodeLimits:
    """What is decoded at most.

    Attributes
    ----------
    pixels
        Of one frame.
    frames
        Of an image all of whose frames are asked for.
    total_pixels
        Of all frames asked for.
    """

    pixels: int = 100_000_000
    frames: int = 1000
    total_pixels: int = 100_000_000

    def __post_init__(self) -> None:
        """Check each limit."""
        for field in ("pixels", "frames", "total_pixels"):
            object.__setattr__(self, field, integer(f"limits.{field}", getattr(self, field), 1, MOST))


@dataclasses.dataclass(frozen=True)
class DecodeOptions:
    """How images are decoded.

    Attributes
    ----------
    depth
        ``"8"`` makes uint8 of everything; ``"keep"`` leaves 16 bits and floats of gray images.
    color
        ``"srgb"`` converts to sRGB by the colour profile where there is one; ``"keep"`` hands the profile on.
    frames
        ``"first"`` or ``"all"``.
    shrink_on_load
        Whether `decode` may use `at_least`.
    auto_orient
        Whether the orientation that the image comes with is applied.
    damaged
        ``"refuse"`` makes an error of a file that ends too early, or whose pixels are damaged; ``"partial"``
        takes what is there, of AVIF and of WebP that is no animation nothing, and notes it.
    """

    depth: Depth = "8"
    color: Color = "srgb"
    frames: Frames = "first"
    shrink_on_load: bool = True
    auto_orient: bool = True
    damaged: Damaged = "refuse"

    def __post_init__(self) -> None:
        """Check each option."""
        for field, choices in (
            ("depth", Depth),
            ("color", Color),
            ("frames", Frames),
            ("damaged", Damaged),
        ):
            one_of(f"options.{field}", getattr(self, field), dict.fromkeys(get_args(choices)))
        for field in ("shrink_on_load", "auto_orient"):
            value = getattr(self, field)
            if not isinstance(value, bool):
                raise InvalidParameterError(f"options.{field}", shown(value), "True or False")


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

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a decoded frame."""
        size = (self.height, self.width)
        return size if self.channels == 1 else (*size, self.channels)


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
        What metadata the file has that are not here, such as ``"XMP"``.
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


def read_header(data: bytes | bytearray | memoryview, field: str = "image") -> Header:
    """Return what an encoded image says of itself, without decoding pixels.

    The first bytes of a file do, of most formats: some 100 KB of JPEG, PNG, WebP, GIF and BMP. (TIFF may have
    its directory at the end, and of AVIF the decoder wants all. Frames are counted among the bytes given.)

    Raises
    ------
    InvalidImageError
        The bytes are no image; an `UndecodableImageError`: a damaged one.
    UnsupportedFormatError
        They are one in a format that is not decoded here.
    """
    source = _source(bytes(data), field, COUNTED_FRAMES, whole=False)
    return _header(source, field)


def reduced_size(header: Header, at_least: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height to which `decode` reduces an image with `at_least`: of a JPEG only.

    Nor one in colours that libjpeg-turbo does not convert, which its header does not tell.
    """
    size = header.width, header.height
    factor = jpeg.reduction(*size, *at_least) if header.format == "jpeg" else 1
    return -(-size[0] // factor), -(-size[1] // factor)


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
        if options.damaged == "refuse":
            raise
        try:
            decoded = _checked_and_decoded(content, options, limits, at_least, field, partial=True)
        except UndecodableImageError:
            raise error from None
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
    source = _source(data, field, limits.frames + 1 if every else FIRST_ALONE, whole=True, partial=partial)
    _header(source, field)
    _check_size(source.width, source.height, source.pixels, limits, field, orientation=source.orientation)
    if every and source.frames > 1:
        _check_frames(source, limits, field)
    try:
        return _decoded(source, options, at_least, partial=partial)
    except (ImgsvcError, MemoryError):
        raise
    except Exception as error:
        raise _failure(error, source.format, field) from error


Reader = Callable[..., Source]
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


def _source(data: bytes, field: str, frames: int, *, whole: bool, partial: bool = False) -> Source:
    name = format_of(data, field)
    try:
        return READERS[name](data, frames, whole=whole, partial=partial)
    except (ImgsvcError, MemoryError):
        raise
    except Exception as error:
        raise _failure(error, name, field) from error


def _failure(error: Exception, name: str, field: str) -> ImgsvcError:
    """Return what to say of an image that a decoder gave up on."""
    if isinstance(error, UnservedError):
        return UnsupportedFormatError(field, f"a {error}", EXPECTED_PIXELS)
    reason = " ".join(str(error).split())
    if getattr(error, "truncated", False) or any(hint in reason.lower() for hint in HINTS):
        return UndecodableImageError(field, f"a {name.upper()} file that ends too early", "a whole one")
    told = f" ({reason[:120]})" if isinstance(error, DamageError) else ""
    return UndecodableImageError(field, f"a damaged {name.upper()} file{told}", "one that can be decoded")


def _header(source: Source, field: str) -> Header:
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
    )


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
    orientation = source.orientation if options.auto_orient else 1
    if at_least is not None and source.orientation in SIDEWAYS and options.auto_orient:
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
        with _opened(source, partial=partial) as image:
            first = source.hidden if every else 0
            for index in range(first, first + (source.frames if every else 1)):
                try:
                    _load_frame(image, index, source, partial=partial)
                except Exception:
                    if not (partial and frames):
                        raise
                    break
                frame, told, profile = _converted(_clipped(image, source), source, options)
                notes += [note for note in told if note not in notes]
                frames.append(turned(frame, orientation))
                durations.append(max(0, round(image.info.get("duration", 0) or 0)))
    scale = max((factor for factor in (1, *jpeg.REDUCTIONS) if factor <= scale), default=1)
    exif = source.exif
    if exif and options.auto_orient:
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
    )


def _load_frame(image: Image.Image, index: int, source: Source, *, partial: bool) -> None:
    """Decode a frame's pixels, of which Pillow may say that they are more than its header has told."""
    if index:
        image.seek(index)
    if image.width * image.height > source.pixels:
        raise DamageError("a frame is larger than the image")
    load(image, partial=partial)


def _read_without_pillow(
    source: Source, options: DecodeOptions, at_least: tuple[int, int] | None, *, partial: bool
) -> NDArray[Any] | None:
    """Return the pixels of a still that others decode better than Pillow does; None of the rest."""
    if source.format == "jpeg":
        return jpeg.decode(
            source.pillow_data, source, at_least if options.shrink_on_load else None, partial=partial
        )
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


def _opened(source: Source, *, partial: bool) -> Image.Image:
    if source.components == CMYK_COMPONENTS:
        return jpeg.decode_cmyk(source.pillow_data, source, partial=partial)
    return opened(source.format, source.pillow_data)


def _converted(
    image: Image.Image, source: Source, options: DecodeOptions
) -> tuple[NDArray[Any], list[str], bytes | None]:
    """Return a frame's pixels, what they lost, and the profile that is theirs still."""
    notes: list[str] = []
    profile = source.icc_profile
    image, wide, alpha = _values(image, source)
    frame = image
    if wide is not None:
        floats = image.mode == "F"
        if options.depth == "keep" and source.bits > 8:
            profile, told = profile_of_deep(profile, source.channels, keep=options.color == "keep")
            notes += told
            return np.ascontiguousarray(wide, np.float32 if floats else np.uint16), notes, profile
        frame = image = Image.fromarray(_rounded(wide, notes, floats))
    elif source.bits > 8:
        notes.append("16 bits a channel are cut to 8")
    frame = _in_plain_mode(frame, alpha, source.channels)
    if profile:
        gray, keep = image.mode in GRAYS, options.color == "keep"
        frame, profile, told = with_settled_colours(frame, profile, source.channels, keep=keep, gray=gray)
        notes += told
    if frame.mode != MODES[source.channels]:
        if frame.mode not in {"RGB", "RGBA", "L"} or image.mode == "CMYK":
            notes.append(f"{image.mode} is converted to RGB")
            profile = None  # it described the other colours
        frame = frame.convert(MODES[source.channels])
    elif image.mode == "CMYK":
        notes.append("CMYK is converted to RGB")
    return np.asarray(frame), notes, profile


def _values(
    image: Image.Image, source: Source
) -> tuple[Image.Image, NDArray[Any] | None, NDArray[np.uint8] | None]:
    """Return a picture, its values where they have more than 8 bits, and alpha that Pillow does not know."""
    if source.stored:
        return tiff.values(image, source.stored[image.tell()])
    wide = np.asarray(image) if image.mode == "F" or image.mode.startswith("I") else None
    alpha = png.alpha(np.asarray(image), source) if image.mode in GRAYS else None
    return image, wide, alpha


def _in_plain_mode(frame: Image.Image, alpha: NDArray[np.uint8] | None, channels: int) -> Image.Image:
    """Return a frame without palettes, bits and gray with alpha, and with the alpha that it should have."""
    if frame.mode == "La":
        frame = frame.convert("LA")
    if alpha is not None:
        frame.info.pop("transparency", None)
        frame = frame.convert("RGBA")
        frame.putalpha(Image.fromarray(alpha))
    elif frame.mode in {"P", "PA"}:
        frame = frame.convert("RGBA" if frame.has_transparency_data else "RGB")
    elif frame.mode == "1":
        frame = frame.convert("L")
    elif frame.mode == "LA" or (frame.mode in {"L", "RGB"} and channels == 4):
        frame = frame.convert("RGBA")
    return frame


def _rounded(wide: NDArray[Any], notes: list[str], floats: bool) -> NDArray[np.uint8]:
    if floats:
        notes.append("floats from 0 to 1 are rounded to 8 bits")
        scaled = np.nan_to_num(wide, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1) * OPAQUE
        pixels: NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
        return pixels
    notes.append(f"16 bits are rounded to 8: the values were {wide.min()} to {wide.max()} of {MAX_16_BIT}")
    rounded: NDArray[np.uint8] = ((wide.astype(np.uint32) * OPAQUE + MAX_16_BIT // 2) // MAX_16_BIT).astype(
        np.uint8
    )
    return rounded
