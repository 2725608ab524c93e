"""How images are decoded, and what is decoded at most."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.parameters import integer, one_of

__all__ = ["Color", "Damaged", "DecodeLimits", "DecodeOptions", "Depth", "Frames"]

MOST = 1 << 48
Depth = Literal["8", "keep"]
Color = Literal["srgb", "keep"]
Frames = Literal["first", "all"]
Damaged = Literal["refuse", "partial"]
WORDS = {
    field: get_args(choices)
    for field, choices in (("depth", Depth), ("color", Color), ("frames", Frames), ("damaged", Damaged))
}
"""What each may be, the default first."""


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
    """How images are decoded; of what is None a server's preset decides, or else it is the first of each.

    Attributes
    ----------
    depth
        ``"8"`` makes uint8 of everything; ``"keep"`` leaves 16 bits and floats of gray images.
    color
        ``"srgb"`` converts to sRGB by the colour profile where there is one; ``"keep"`` hands the profile on.
    frames
        ``"first"`` or ``"all"``.
    shrink_on_load
        True, or False: whether `decode` may use `at_least`.
    auto_orient
        True, or False: whether the orientation that the image comes with is applied.
    damaged
        ``"refuse"`` makes an error of a file that ends too early, or whose pixels are damaged; ``"partial"``
        takes what is there, of AVIF and of WebP that is no animation nothing, and notes it.
    """

    depth: Depth | None = None
    color: Color | None = None
    frames: Frames | None = None
    shrink_on_load: bool | None = None
    auto_orient: bool | None = None
    damaged: Damaged | None = None

    def __post_init__(self) -> None:
        """Check each option."""
        for field, choices in WORDS.items():
            if getattr(self, field) is not None:
                one_of(f"options.{field}", getattr(self, field), dict.fromkeys(choices))
        for field in ("shrink_on_load", "auto_orient"):
            value = getattr(self, field)
            if value is not None and not isinstance(value, bool):
                raise InvalidParameterError(f"options.{field}", shown(value), "True or False")

    @property
    def shrinks(self) -> bool:
        """Whether `at_least` may be used."""
        return self.shrink_on_load is not False

    @property
    def turns(self) -> bool:
        """Whether images are made upright."""
        return self.auto_orient is not False
