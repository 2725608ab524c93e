"""Arrays → encoded images."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from PIL import Image, PngImagePlugin

from imgsvc._images import array_of
from imgsvc.codec import exif as exif_data
from imgsvc.codec import jpeg, png, png_texts, tiff_writing
from imgsvc.codec.color import profile_fits, to_srgb
from imgsvc.codec.decoding import Decoded
from imgsvc.codec.formats import format_named
from imgsvc.codec.palette import indexed, with_one_bit_of_alpha
from imgsvc.codec.rights import rights_of
from imgsvc.errors import ImgsvcError, InvalidImageError, InvalidParameterError, shown
from imgsvc.operations import Flatten
from imgsvc.operations.colors import rgb_of
from imgsvc.operations.parameters import integer, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from imgsvc._images import ImageLike
    from imgsvc.codec.formats import Format, FormatAlias, FormatInfo
    from imgsvc.operations.colors import Color

Metadata = Literal["strip", "keep", "copyright"]
Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
MOST_BYTES = 1 << 40
WHITE = (255, 255, 255)
DEFAULT_QUALITIES = {"jpeg": jpeg.QUALITY, "webp": 80, "avif": 65}
EFFORTS = {"webp": 3, "avif": 2}
"""Those formats' own, where none is given; the others are then written in a way that no effort stands for."""
WITH_EFFORT = ("jpeg", "png", "webp", "avif", "tiff")
WITHOUT_PROFILE = ("gif", "bmp")
WITH_EXIF = ("jpeg", "png", "webp", "avif")


@dataclasses.dataclass(frozen=True)
class EncodeOptions:
    """How images are encoded.

    Attributes
    ----------
    quality
        From 1 to 100; None for 90 in JPEG, 80 in WebP, 65 in AVIF. Other formats have none.
    lossless
        In WebP, keep every pixel; PNG, TIFF and BMP do in any case, and JPEG, AVIF and GIF cannot here.
    progressive
        In JPEG, show the whole image before all of it has come; other formats cannot here.
    effort
        From 0, the fastest, to 9, the smallest; None is fast. BMP and GIF have none.
    metadata
        ``"keep"`` writes EXIF data, in JPEG, PNG, WebP and AVIF; ``"copyright"`` writes there whose the image
        is, in new EXIF and XMP data: creators, copyright, credit and terms of EXIF, IPTC and XMP data;
        ``"strip"`` writes none. A colour profile that was kept is written in any case: the colours are
        nothing without it. GIF and BMP hold none, and get colours of sRGB.
    max_bytes
        The largest file; the quality is lowered until it fits.
    palette
        In PNG, write the numbers of at most 256 colours: those of the image where it has no more, or else the
        best ones. Drawings become a fraction as large.
    subsampling
        In JPEG, how many values of colour there are: one for each pixel (``"4:4:4"``), for two beside each
        other (``"4:2:2"``), or for two by two (``"4:2:0"``, which None is). Gray has none.
    background
        What shines through where the image has alpha and the format has not: a colour as that of
        `imgsvc.flatten`. It becomes red, green and blue.
    """

    quality: int | None = None
    lossless: bool = False
    progressive: bool = False
    effort: int | None = None
    metadata: Metadata = "strip"
    max_bytes: int | None = None
    palette: bool = False
    background: Color = WHITE
    subsampling: Subsampling | None = None

    def __post_init__(self) -> None:
        """Check each option by itself."""
        for field, low, high in (("quality", 1, 100), ("effort", 0, 9), ("max_bytes", 1, MOST_BYTES)):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, integer(f"options.{field}", value, low, high))
        for field in ("lossless", "progressive", "palette"):
            if not isinstance(getattr(self, field), bool):
                raise InvalidParameterError(f"options.{field}", shown(getattr(self, field)), "True or False")
        one_of("options.metadata", self.metadata, dict.fromkeys(get_args(Metadata)))
        if self.subsampling is not None:
            one_of("options.subsampling", self.subsampling, dict.fromkeys(get_args(Subsampling)))
        object.__setattr__(self, "background", rgb_of("options.background", self.background))


def encode(
    image: Decoded | ImageLike | Sequence[NDArray[Any]],
    format: Format | FormatAlias,  # noqa: A002 - what it is
    options: EncodeOptions | None = None,
) -> bytes:
    """Return a file of an image, or of the frames of one.

    Parameters
    ----------
    image
        (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, also several of one size for a format that holds
        them; uint16 for PNG and TIFF; gray float32 for TIFF. `Decoded` brings durations and metadata,
        which another image that `imgsvc.process` takes does not.
    format
        One of `FORMATS`, or ``"jpg"`` or ``"tif"``.

    Raises
    ------
    InvalidImageError
        The format cannot hold such an image.
    InvalidParameterError
        It has no such option, or the image does not fit into ``max_bytes``.
    UnsupportedFormatError
        It is not built in.
    """
    options = options or EncodeOptions()
    info = format_named(format)
    check_options(info.name, options)
    if not isinstance(image, Decoded):
        pixels: Any = image if isinstance(image, list | tuple) else array_of(image)  # type: ignore[arg-type]
        frames = (pixels,) if isinstance(pixels, np.ndarray) else tuple(pixels)
        image = Decoded(frames, durations=(0,) * len(frames))
    image = _checked(image, info)
    if image.icc_profile and not profile_fits(image.icc_profile, _channels(image.frames[0])):
        image = dataclasses.replace(image, icc_profile=None)
    check_palette(image.frames[0].dtype, len(image.frames), options)
    in_colours = options.palette and _channels(image.frames[0]) == 1  # as all palettes are
    if image.icc_profile and (info.name in WITHOUT_PROFILE or in_colours):
        image = dataclasses.replace(image, frames=tuple(_in_srgb(image.frames, image.icc_profile)))
    if not info.alpha:
        flatten = Flatten(options.background)
        frames = tuple(flatten(frame, num_threads=1) for frame in image.frames)
        image = dataclasses.replace(image, frames=frames)
    try:
        return _fitted(image, info, options)
    except (ImgsvcError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise InvalidImageError(
            "image", f"not encoded ({reason})", f"an image that {info.name} can hold"
        ) from error


def check_options(name: str, options: EncodeOptions) -> None:
    """Raise an error for options that a format does not have.

    Raises
    ------
    InvalidParameterError
        It has no such option, or there is no such format.
    UnsupportedFormatError
        The format is not built in.
    """
    info = format_named(name)
    name = info.name
    if options.quality is not None and not info.qualities:
        raise InvalidParameterError(
            "options.quality", options.quality, f"none for {name}, which has no quality"
        )
    if options.quality is not None and options.lossless:
        raise InvalidParameterError("options.quality", options.quality, "none where lossless is set")
    if options.lossless and not info.lossless:
        raise InvalidParameterError("options.lossless", "set", f"none for {name}, which is not lossless")
    if options.progressive and name != "jpeg":
        raise InvalidParameterError("options.progressive", "set", f"none for {name}: only jpeg is written so")
    if options.subsampling is not None and name != "jpeg":
        expected = f"none for {name}: only jpeg is written so"
        raise InvalidParameterError("options.subsampling", shown(options.subsampling), expected)
    if options.palette and name != "png":
        raise InvalidParameterError("options.palette", "set", f"none for {name}: only png is written so")
    if options.effort is not None and name not in WITH_EFFORT:
        raise InvalidParameterError("options.effort", options.effort, f"none for {name}, which knows one way")


def check_palette(dtype: np.dtype[Any], frames: int, options: EncodeOptions) -> None:
    """Raise InvalidParameterError where a palette is asked for of what can have none."""
    if options.palette and dtype != np.uint8:
        raise InvalidParameterError("options.palette", "set", f"none for {dtype} pixels")
    if options.palette and frames > 1:
        raise InvalidParameterError("options.palette", "set", f"none for {frames} frames")


def hides_alpha(frames: Sequence[NDArray[Any]], name: str) -> bool:
    """Return whether an image is not opaque, and a format so has a background shine through it."""
    if format_named(name).alpha:
        return False
    return any(frame.ndim == 3 and frame.shape[2] == 4 and (frame[..., 3] != 255).any() for frame in frames)


def with_defaults(name: str, options: EncodeOptions) -> EncodeOptions:
    """Return options that `check_options` takes with what they leave open said, where that can be said.

    Files of a format are the same where these are, and so is what is noted of them.
    """
    info = format_named(name)
    name = info.name
    quality = options.quality if options.lossless else options.quality or DEFAULT_QUALITIES.get(name)
    return dataclasses.replace(
        options,
        quality=quality,
        effort=EFFORTS.get(name) if options.effort is None else options.effort,
        background=WHITE if info.alpha else options.background,
        subsampling=options.subsampling or (jpeg.SUBSAMPLING if name == "jpeg" else None),
    )


def _checked(image: Decoded, info: FormatInfo) -> Decoded:
    """Return the image as the encoders take it: frames of one size, contiguous, gray in two dimensions."""
    if not image.frames:
        raise InvalidImageError("image", "no frames", "at least one")
    if len(image.frames) > 1 and not info.animated:
        raise InvalidImageError("image", f"{len(image.frames)} frames", f"one: {info.name} holds no more")
    frames = []
    for index, frame in enumerate(image.frames):
        field = "image" if len(image.frames) == 1 else f"image[{index}]"
        _check_frame(frame, field, info)
        flat = frame[:, :, 0] if frame.ndim == 3 and frame.shape[2] == 1 else frame
        frames.append(np.ascontiguousarray(flat))
        if frames[0].shape[:2] != flat.shape[:2]:
            size = "{1}×{0}".format(*frames[0].shape)
            raise InvalidImageError(f"{field}.shape", flat.shape, f"{size} pixels, as the first frame has")
        if frames[0].dtype != flat.dtype or (flat.dtype != np.uint8 and frames[0].shape != flat.shape):
            first, this = (f"{_colors(each)} {each.dtype}" for each in (frames[0], flat))
            raise InvalidImageError(field, this, f"{first}, as the first frame has")
    durations = (*image.durations, *(0,) * len(frames))[: len(frames)]
    return dataclasses.replace(image, frames=tuple(frames), durations=durations)


DEEP = (np.dtype(np.uint16), np.dtype(np.float32))


def _check_frame(frame: Any, field: str, info: FormatInfo) -> None:
    if not isinstance(frame, np.ndarray):
        raise InvalidImageError(field, type(frame).__name__, "a NumPy array")
    channels = _channels(frame)
    if frame.ndim not in {2, 3} or channels not in {1, 3, 4} or not frame.size:
        raise InvalidImageError(f"{field}.shape", frame.shape, "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    height, width = frame.shape[:2]
    if max(height, width) > info.largest_side:
        raise InvalidImageError(
            field,
            f"{width}×{height} pixels",
            f"at most {info.largest_side} a side, which {info.name} can hold",
        )
    if frame.dtype == np.uint8:
        return
    held = {
        ("png", DEEP[0]): (1, 3, 4),
        ("tiff", DEEP[0]): (1, 3, 4),
        ("tiff", DEEP[1]): (1,),
    }.get((info.name, frame.dtype), ())
    if channels not in held:
        kinds = {"png": "uint8 or uint16", "tiff": "uint8, uint16 or gray float32"}.get(info.name, "uint8")
        got = f"{_colors(frame)} {frame.dtype}"
        raise InvalidImageError(f"{field}.dtype", got, f"{kinds} for {info.name}")


def _colors(frame: NDArray[Any]) -> str:
    return {1: "gray", 3: "RGB", 4: "RGBA"}[_channels(frame)]


def _channels(frame: NDArray[Any]) -> int:
    return int(frame.shape[2]) if frame.ndim == 3 else 1


def _in_srgb(frames: Sequence[NDArray[Any]], profile: bytes) -> Iterator[NDArray[Any]]:
    """Yield frames as what those see who know nothing of their profile."""
    for frame in frames:
        converted, _ = to_srgb(Image.fromarray(frame), profile)
        yield np.asarray(converted)


def _fitted(image: Decoded, info: FormatInfo, options: EncodeOptions) -> bytes:
    """Encode at the quality asked for, or the best that fits."""
    quality = options.quality or DEFAULT_QUALITIES.get(info.name, 0)
    exif, xmp = _metadata(image, options) if info.name in WITH_EXIF else (None, None)
    image = dataclasses.replace(image, exif=exif)
    data = _encoded(image, info, options, quality, xmp)
    most = options.max_bytes
    if most is None or len(data) <= most:
        return data
    best, smallest = None, len(data)
    low, high = 1, quality - 1
    if not info.qualities or options.lossless:
        low, high = 1, 0
    while low <= high:
        middle = (low + high + 1) // 2 if best is not None else (low + high) // 2
        data = _encoded(image, info, options, middle, xmp)
        smallest = min(smallest, len(data))
        if len(data) <= most:
            best, low = data, middle + 1
        else:
            high = middle - 1
    if best is None:
        raise InvalidParameterError(
            "options.max_bytes", most, f"at least {smallest}: the smallest {info.name} file of this image"
        )
    return best


def _encoded(
    image: Decoded, info: FormatInfo, options: EncodeOptions, quality: int, xmp: bytes | None
) -> bytes:
    """Encode at a quality; the EXIF data of `image` are those that are written."""
    first, exif = image.frames[0], image.exif
    if info.name == "jpeg":
        return jpeg.encode(
            first, quality, progressive=options.progressive, effort=options.effort,
            subsampling=options.subsampling or jpeg.SUBSAMPLING, icc_profile=image.icc_profile,
            exif=exif, xmp=xmp,
        )  # fmt: skip
    if options.palette:
        profile = None if first.ndim == 2 else image.icc_profile
        return png.encode_indexed(
            indexed(first), effort=options.effort, icc_profile=profile, exif=exif, xmp=xmp
        )
    if info.name == "png" and len(image.frames) == 1 and (options.effort is None or first.dtype != np.uint8):
        return png.encode(first, effort=options.effort, icc_profile=image.icc_profile, exif=exif, xmp=xmp)
    if info.name == "tiff" and first.dtype == np.uint16 and first.ndim == 3:
        level = tiff_writing.LEVEL if options.effort is None else png.level_of(options.effort)
        return tiff_writing.encode(image.frames, level=level, icc_profile=image.icc_profile)
    save: dict[str, Any] = SAVERS[info.name](options, quality)
    if image.icc_profile and info.name not in WITHOUT_PROFILE:
        save["icc_profile"] = image.icc_profile
    if exif:
        save["exif"] = exif_data.PREFIX + exif
    if xmp and info.name == "png":
        save["pnginfo"] = PngImagePlugin.PngInfo()
        save["pnginfo"].add_itxt(png_texts.XMP.decode(), xmp.decode())
    elif xmp:
        save["xmp"] = xmp
    if info.name == "gif":
        pictures = with_one_bit_of_alpha(image.frames)
        # What is transparent has a number of its own; Pillow would leave it out where no pixel has it.
        save["optimize"] = all(picture.mode != "P" for picture in pictures)
    else:
        pictures = [Image.fromarray(frame) for frame in image.frames]
    if len(pictures) > 1:
        save |= {"save_all": True, "append_images": pictures[1:]}
        if info.name != "tiff":
            save["duration"] = list(image.durations)
            save |= _of_animation(image, info.name)
    buffer = io.BytesIO()
    pictures[0].save(buffer, info.name.upper(), **save)
    return buffer.getvalue()


def _metadata(image: Decoded, options: EncodeOptions) -> tuple[bytes | None, bytes | None]:
    """Return the EXIF and XMP data that are written."""
    if options.metadata == "copyright":
        rights = rights_of(image)
        return rights.as_exif(), rights.as_xmp()
    if options.metadata == "keep" and image.exif and exif_data.is_sound(image.exif):
        height, width = image.frames[0].shape[:2]
        return exif_data.of_pixels(image.exif, width, height), None
    return None, None


def _of_animation(image: Decoded, name: str) -> dict[str, Any]:
    """Return how often frames are shown, and what becomes of each before the next."""
    if name != "gif":
        return {"loop": min(image.loop, MOST_LOOPS[name])}
    said: dict[str, Any] = {}
    if image.loop != 1:  # GIF says how often they are shown again, or nothing
        said["loop"] = min(max(0, image.loop - 1), MOST_LOOPS[name])
    if any(frame.ndim == 3 and frame.shape[2] == 4 for frame in image.frames):
        said["disposal"] = TO_BACKGROUND
    return said


MOST_LOOPS = {"gif": (1 << 16) - 1, "webp": (1 << 16) - 1, "png": (1 << 31) - 1, "avif": 0}
TO_BACKGROUND = 2
"""So that nothing of a frame shines through the next."""


def _png(options: EncodeOptions, _quality: int) -> dict[str, Any]:
    return {"compress_level": 1 if options.effort is None else png.level_of(options.effort)}


def _webp(options: EncodeOptions, quality: int) -> dict[str, Any]:
    # Without loss, its quality is the effort; method 6 takes twenty times as long as method 0.
    effort = EFFORTS["webp"] if options.effort is None else options.effort
    method = effort * 6 // 9
    if options.lossless:
        return {"lossless": True, "quality": effort * 100 // 9, "method": method, "exact": True}
    return {"quality": quality, "method": method}


def _avif(options: EncodeOptions, quality: int) -> dict[str, Any]:
    speed = 10 - (EFFORTS["avif"] if options.effort is None else options.effort)
    return {"quality": quality, "speed": speed}


def _tiff(options: EncodeOptions, _quality: int) -> dict[str, Any]:
    return {"compression": "raw" if options.effort == 0 else "tiff_adobe_deflate"}


def _plain(_options: EncodeOptions, _quality: int) -> dict[str, Any]:
    return {}


SAVERS = {"png": _png, "webp": _webp, "avif": _avif, "tiff": _tiff, "gif": _plain, "bmp": _plain}
