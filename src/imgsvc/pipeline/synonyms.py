"""Words that other libraries and programs have for operations, by which ours are found."""

from __future__ import annotations

import difflib

from imgsvc.operations import OPERATIONS
from imgsvc.pipeline.text import ALIASES

__all__ = ["nearest_operations"]

MOST, NEAR = 3, 0.6

SYNONYMS = {
    "affine": "warp_affine",
    "astype": "convert",
    "autocrop": "trim",
    "binarize": "threshold",
    "border": "pad",
    "brightness": "adjust",
    "contrast": "adjust",
    "curves": "lut",
    "depth": "convert",
    "desaturate": "grayscale",
    "deskew": "rotate",
    "expand": "pad",
    "extend": "pad",
    "extract": "crop",
    "flop": "flip",
    "hflip": "flip",
    "linear": "adjust",
    "mirror": "flip",
    "modulate": "saturation",
    "monochrome": "grayscale",
    "negate": "invert",
    "negative": "invert",
    "recomb": "color_matrix",
    "remove_alpha": "flatten",
    "scale": "resize",
    "sepia": "color_matrix",
    "shear": "warp_affine",
    "smartcrop": "crop",
    "thumbnail": "resize",
    "unsharp": "sharpen",
    "vflip": "flip",
}


def nearest_operations(name: str) -> list[str]:
    """Return three names that somebody may have meant, none of them for the same as another."""
    name = name[:80].lower()
    found = {SYNONYMS[name]: SYNONYMS[name]} if name in SYNONYMS else {}
    # Of another name there must be more in it: `greyscale` is near to a good deal.
    for names, least in (({*OPERATIONS, *ALIASES}, NEAR), (OPERATIONS, 0.0)):
        for near in difflib.get_close_matches(name, sorted(names), len(names), least):
            found.setdefault(ALIASES.get(near, near), near)
    return list(found.values())[:MOST]
