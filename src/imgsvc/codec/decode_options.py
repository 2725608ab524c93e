"""How images are decoded, and what is decoded at most."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.parameters import integer, one_of

__all__ = ["Color", "Damaged", "DecodeLimits", "DecodeOptions", "Depth", "Frames"]

MOST = 1 << 48
Depth = Literal["8", "keep"]
Color = Literal["keep", "srgb"]
Frames = Literal["first", "all"]
Damaged = Literal["refuse", "partial"]


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
        takes what is there, of AVIF and of WebP that is no animation nothing, and notes it. None refuses,
        unless a server's preset says otherwise.
    """

    depth: Depth = "8"
    color: Color = "srgb"
    frames: Frames = "first"
    shrink_on_load: bool = True
    auto_orient: bool = True
    damaged: Damaged | None = None

    def __post_init__(self) -> None:
        """Check each option."""
        for field, choices in (
            ("depth", Depth),
            ("color", Color),
            ("frames", Frames),
            ("damaged", Damaged),
        ):
            if field != "damaged" or self.damaged is not None:
                one_of(f"options.{field}", getattr(self, field), dict.fromkeys(get_args(choices)))
        for field in ("shrink_on_load", "auto_orient"):
            value = getattr(self, field)
            if not isinstance(value, bool):
                raise InvalidParameterError(f"options.{field}", shown(value), "True or False")
