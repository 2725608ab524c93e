"""Descriptions of images as callers give them, made in this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.processing.given import read_given, with_pixels
from imgsvc.recipes.description import describe_source
from imgsvc.recipes.limits import Limits

if TYPE_CHECKING:
    from imgsvc._images import ImageLike
    from imgsvc.recipes.description import Description

__all__ = ["describe"]


def describe(image: ImageLike, *, gps: bool = False, limits: Limits | None = None) -> Description:
    """Say what an image is, what its file tells of how it was taken, and which colours it has.

    Colours are those of the first frame, upright, in sRGB and of 8 bits; of pixels, as they are. The average
    and the dominant ones are found on the image reduced to at most 64 pixels a side, as `imgsvc.resize` does
    with ``resample="box"`` and ``fit="inside"``, by the formulas of `imgsvc.recipes.colors`; the histogram
    counts all pixels.

    Of EXIF data it reads the date, the make and model of the camera, its lens, exposure, ISO, focal length,
    resolution and copyright, and nothing else: no serial numbers, owners, makers' notes or thumbnails.

    Parameters
    ----------
    image
        As `process` takes it. A Pillow image and an array are pixels: of their file nothing is known.
    gps : bool
        Whether to say where it was taken, too.
    limits : Limits, optional
        How large it may be; by default as a server has it, 100 million pixels.

    Raises
    ------
    InvalidInputError
        It is no image, cannot be decoded, is beyond a limit, or has a side of more than 4,194,176 pixels.
    ImageReadError
        The file cannot be read.

    Examples
    --------
    >>> import numpy, imgsvc
    >>> described = imgsvc.describe(numpy.full((2, 3), 7, "uint8"))
    >>> described.width, described.average_color, described.dominant_colors[0].per_mille
    (3, (7, 7, 7), 1000)
    """
    if not isinstance(gps, bool):
        raise InvalidParameterError("gps", shown(gps), "True or False")
    if limits is not None and not isinstance(limits, Limits):
        raise InvalidParameterError("limits", shown(limits), "imgsvc.Limits")
    given = read_given(image, most=sys.maxsize)
    return describe_source(with_pixels(given), limits or Limits(), gps=gps)
