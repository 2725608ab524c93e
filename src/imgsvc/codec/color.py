"""Colours: conversion to sRGB by LittleCMS, and which pixels a profile is for."""

from __future__ import annotations

import functools
import io
from typing import Any

from PIL import Image, ImageCms

from imgsvc.codec import icc

DAMAGED = "its colour profile is damaged and is dropped"
FOR_OTHERS = "its colour profile is for other colours and is dropped"
GRAY_ALONE = "gray with alpha is converted to sRGB: its colour profile is for gray alone"
LEFT_AS_THEY_ARE = "colours of more than 8 bits are left as they are, and the colour profile goes with them"
KEPT_TRANSFORMS = 8
SPACES = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "LAB": "Lab"}


def to_srgb(image: Image.Image, profile: bytes, *, gray: bool = False) -> tuple[Image.Image, str | None]:
    """Return the image with its colours in sRGB, and what there is to say of it.

    Gray stays gray, CMYK becomes RGB. The image is the same one where its profile is sRGB's, or none for it.

    Parameters
    ----------
    gray
        Whether an image of mode RGBA is gray with alpha.
    """
    mode = "L" if gray else image.mode
    try:
        space, is_srgb, transform = _transform(profile, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return image, DAMAGED
    if space != SPACES.get(mode):
        return image, FOR_OTHERS
    if is_srgb:
        return image, None
    if mode != "L":
        return transform.apply(image), None
    converted = transform.apply(image.getchannel("R") if gray else image).getchannel("R")
    if not gray:
        return converted, None
    return Image.merge("RGBA", [converted, converted, converted, image.getchannel("A")]), None


def with_settled_colours(
    image: Image.Image, profile: bytes, channels: int, *, keep: bool, gray: bool = False
) -> tuple[Image.Image, bytes | None, list[str]]:
    """Return an image in sRGB, or with the profile that is for what becomes of it; and what to say of that.

    Parameters
    ----------
    channels
        Of what becomes of it.
    keep
        Whether the profile is to be kept.
    gray
        Whether an image of mode RGBA is gray with alpha.
    """
    if keep and (image.mode == "CMYK" or profile_fits(profile, channels)):
        return image, profile, []
    is_gray_with_alpha = gray and image.mode == "RGBA"
    if keep and not (is_gray_with_alpha and profile_fits(profile, 1)):
        return image, None, [FOR_OTHERS]
    if image.mode not in SPACES:
        return image, None, []
    image, note = to_srgb(image, profile, gray=is_gray_with_alpha)
    if keep:
        note = GRAY_ALONE
    return image, None, [note] if note else []


def profile_of_deep(profile: bytes | None, channels: int, *, keep: bool) -> tuple[bytes | None, list[str]]:
    """Return the profile of pixels of more than 8 bits, which LittleCMS is not given, and what to say."""
    if profile is None:
        return None, []
    if not profile_fits(profile, channels):
        return None, [FOR_OTHERS]
    return profile, [] if keep else [LEFT_AS_THEY_ARE]


def profile_fits(profile: bytes, channels: int) -> bool:
    """Return whether a profile describes pixels of so many channels."""
    return _space(profile) == ("GRAY" if channels == 1 else "RGB")


@functools.lru_cache(maxsize=KEPT_TRANSFORMS)
def converts(profile: bytes) -> bool:
    """Return whether pixels have to be converted to become sRGB: neither where they are, nor of damage."""
    try:
        return not icc.parse(profile).is_srgb
    except ValueError:
        return False


@functools.lru_cache(maxsize=KEPT_TRANSFORMS)
def _space(profile: bytes) -> str:
    """Return a profile's colour space; nothing of one that is damaged."""
    try:
        return icc.parse(profile).space
    except ValueError:
        return ""


@functools.lru_cache(maxsize=KEPT_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> tuple[str, bool, Any]:
    """Return a profile's colour space, whether it is sRGB's, and the conversion of pixels of `mode`."""
    parsed = icc.parse(profile)
    if parsed.is_srgb or parsed.space != SPACES.get(mode):
        return parsed.space, parsed.is_srgb, None
    source = ImageCms.ImageCmsProfile(io.BytesIO(parsed.for_conversion()))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.ImageCmsTransform(
        source,
        srgb,
        mode,
        "RGBA" if mode == "RGBA" else "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return parsed.space, False, transform
