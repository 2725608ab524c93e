"""AVIF: what Pillow's decoder says of it, and what its boxes do."""

from __future__ import annotations

import re

from imgsvc.codec import exif as exif_data
from imgsvc.codec.avif_boxes import Window, exif_of, plays, properties_of, xmp_of
from imgsvc.codec.cicp import of_code_points
from imgsvc.codec.pillow import opened
from imgsvc.codec.source import PROFILE_BYTES, Source

# What a file says of an item that holds EXIF data. Their orientation does not count (the format has boxes for
# it), and Pillow, which reads them, warns of damaged ones: they are hidden from it.
EXIF_ITEM = re.compile(rb"(infe[\x02\x03].{5,9})Exif", re.DOTALL)
PIXEL_DEPTHS = re.compile(rb"pixi\0\0\0\0[\x01-\x04]([\x09-\x10])", re.DOTALL)
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4, "LA": 4}
APERTURE = "its clean aperture is wrong and is dropped"


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:  # noqa: ARG001 - libavif takes whole ones
    """Let libavif look through the boxes; it decodes no pixels."""
    properties = properties_of(data)
    plain, hidden = EXIF_ITEM.subn(rb"\1none", data)
    exif = exif_of(data) if hidden else None
    xmp = xmp_of(data)
    notes = ["its EXIF data are damaged and are dropped"] if hidden and exif is None else []
    if PIXEL_DEPTHS.search(data):
        notes.append("10 or 12 bits a channel are cut to 8")
    with opened("avif", plain) as image:
        turned = image.info.get("exif")
        icc = image.info.get("icc_profile")
        if icc and len(icc) > PROFILE_BYTES:
            icc = None
        if not icc and properties.colours is not None:
            icc, note = of_code_points(*properties.colours, gray=image.mode in {"L", "LA"})
            notes += [note] if note else []
        frames = min(getattr(image, "n_frames", 1), frames)
        window = None
        if frames == 1:
            try:
                window = properties.window(*image.size)
            except ValueError:
                notes.append(APERTURE)
        orientation = exif_data.orientation(turned) if turned else 1
        shown = window or Window(0, 0, *image.size)
        return Source(
            "avif",
            shown.width,
            shown.height,
            CHANNELS.get(image.mode, 3),
            plain if whole else b"",
            frames=frames,
            orientation=orientation,
            icc_profile=icc or None,
            exif=exif_data.turned_as(exif, orientation) if exif else None,
            unkept=() if xmp is None else ("XMP",),
            others=() if xmp is None else (("XMP", xmp),),
            loop=plays(data) if frames > 1 else 0,
            notes=tuple(notes),
            window=window and (window.left, window.top),
            largest_part=image.width * image.height,
        )
