"""Options beside the pipeline, a line each: how files are decoded, and how outputs are written.

Each is a field of `imgsvc.Output` or of `imgsvc.codec.DecodeOptions`, and by its line here a key of presets,
a flag of ``imgsvc-client`` and a keyword of `imgsvc.process` and of both clients. A test holds that no field
is without a line, and that docs/formats.md has it.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DECODING", "OPTIONS", "OUTPUT", "Option", "hint", "merged", "of_decoding", "of_output"]

OUTPUT: Final = "output"
DECODING: Final = "decoding"
Kind = Literal["word", "integer", "bytes", "switch", "color"]


@dataclasses.dataclass(frozen=True)
class Option:
    """An option.

    Attributes
    ----------
    name
        The field, and the key of presets. The flag is the same with ``-`` for ``_``.
    of
        Whether it is about outputs or decoding.
    kind
        What its values are.
    about
        What it does, in a line that also says the default.
    words
        What it may be, of a word.
    low, high
        Between which it is, of a number.
    every_format
        Of outputs: whether it means the same in every format, so that it stays where the format changes.
    """

    name: str
    of: Literal["output", "decoding"]
    kind: Kind
    about: str
    words: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    every_format: bool = False

    @property
    def flag(self) -> str:
        """What ``imgsvc-client`` calls it."""
        return f"--{self.name.replace('_', '-')}"


FORMAT_WORDS = ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp", "jpg", "tif")

OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option("format", OUTPUT, "word", "the file's format (default: that of its name, or the input's)",
               words=("raw", *FORMAT_WORDS)),
        Option("quality", OUTPUT, "integer", "of JPEG (default: 90), WebP (80) and AVIF (65)",
               low=1, high=100),
        Option("lossless", OUTPUT, "switch", "keep every pixel, in WebP"),
        Option("progressive", OUTPUT, "switch", "show all of a JPEG before all of it has come"),
        Option("effort", OUTPUT, "integer", "0 is fast, 9 is small; each format has its default", high=9),
        Option("palette", OUTPUT, "switch", "write a PNG of at most 256 colours by their numbers"),
        Option("subsampling", OUTPUT, "word",
               "values of colour in a JPEG: one a pixel, a pair, or a square of four (default: 4:2:0)",
               words=("4:4:4", "4:2:2", "4:2:0")),
        Option("metadata", OUTPUT, "word",
               "keep EXIF data, or what metadata say of copyright alone, or strip them (default)",
               words=("strip", "keep", "copyright"), every_format=True),
        Option("max_bytes", OUTPUT, "bytes", "the largest file: the quality is lowered until it fits",
               low=1, high=1 << 40, every_format=True),
        Option("background", OUTPUT, "color",
               "what shines through alpha that the format has not (default: white)", every_format=True),
        Option("depth", DECODING, "word",
               "8 bits a channel (default), or keep 16 and floats where there are such",
               words=("8", "keep")),
        Option("color", DECODING, "word", "convert to srgb (default), or keep the colour profile",
               words=("srgb", "keep")),
        Option("frames", DECODING, "word", "the first of an animation (default), or all",
               words=("first", "all")),
        Option("shrink_on_load", DECODING, "switch",
               "decode no more of a JPEG than a resize needs (default: yes)"),
        Option("auto_orient", DECODING, "switch", "turn images upright by their orientation (default: yes)"),
        Option("damaged", DECODING, "word",
               "refuse files that end too early or have damaged pixels (default), or take the partial image",
               words=("refuse", "partial")),
    )
}  # fmt: skip
"""All of them by their names."""


def of_output(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of outputs, without the format."""
    return {name: value for name, value in values.items() if name != "format" and _is_of(name, OUTPUT)}


def of_decoding(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of decoding."""
    return {name: value for name, value in values.items() if _is_of(name, DECODING)}


def merged(preset: Mapping[str, Any], given: Mapping[str, Any], *, same_format: bool) -> dict[str, Any]:
    """Return the options of an output of a preset: what is given counts, then what the preset has.

    An output in another format than the preset's has of it what means the same in every format. The quality
    of one and losslessness of the other do not meet.
    """
    kept = {
        name: value for name, value in of_output(preset).items() if same_format or OPTIONS[name].every_format
    }
    if given.get("lossless"):
        kept.pop("quality", None)
    if given.get("quality") is not None and "lossless" not in given:
        kept.pop("lossless", None)
    return {**kept, **of_output(given)}


def hint(name: object, names: Iterable[str], count: int = 1) -> str:
    """Return a beginning of what was expected: the nearest of the names, where there is one."""
    near = difflib.get_close_matches(name[:80], list(names), count) if isinstance(name, str) else []
    return f"perhaps {' or '.join(map(repr, near))}, or " if near else ""


def _is_of(name: str, what: str) -> bool:
    return name in OPTIONS and OPTIONS[name].of == what
