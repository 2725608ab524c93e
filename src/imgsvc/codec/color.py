"""Colour profiles: conversion to sRGB by LittleCMS."""

from __future__ import annotations

import functools
import io
from typing import Any

from PIL import Image, ImageCms

KEPT_TRANSFORMS = 8
SPACES = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK", "LAB": "Lab"}


def to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str | None]:
    """Return the image with its colours in sRGB, and what there is to say of it.

    Gray stays gray, CMYK becomes RGB. The image is the same one where its profile is sRGB's, or none for it.
    """
    try:
        space, is_srgb, transform = _transform(profile, image.mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return image, "its colour profile is damaged and is dropped"
    if space != SPACES.get(image.mode):
        return image, "its colour profile is for other colours and is dropped"
    if is_srgb:
        return image, None
    if image.mode == "L":
        return transform.apply(image).getchannel("R"), None
    return transform.apply(image), None


@functools.lru_cache(maxsize=KEPT_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> tuple[str, bool, Any]:
    """Return a profile's colour space, whether it is sRGB's, and the conversion of pixels of `mode`."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    description = source.profile.profile_description or ""
    is_srgb = space == "RGB" and "srgb" in description.lower()
    if is_srgb or space != SPACES.get(mode):
        return space, is_srgb, None
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.ImageCmsTransform(
        source,
        srgb,
        mode,
        "RGBA" if mode == "RGBA" else "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return space, is_srgb, transform
