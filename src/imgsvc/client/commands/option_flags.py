"""Flags for the options of decoding and of outputs: one for each line of `imgsvc.pipeline.options`."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from imgsvc._options import argument_type, byte_size, choice, integer
from imgsvc.codec import canonical_format
from imgsvc.errors import ConfigurationError, InvalidParameterError
from imgsvc.operations.colors import EXAMPLES, rgb_of
from imgsvc.pipeline.options import DECODING, OPTIONS, OUTPUT
from imgsvc.recipes.recipe import RAW

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.pipeline.options import Option

__all__ = ["FLAGS", "add_option_flags", "as_typed", "given_options"]

TITLES = {OUTPUT: "output", DECODING: "decoding"}
FLAGS = ", ".join(option.flag for option in OPTIONS.values())
METAVARS = {"integer": "N", "bytes": "BYTES", "color": "COLOR"}
_SIX_DIGITS = re.compile("[0-9a-fA-F]{6}")


def add_option_flags(parser: argparse.ArgumentParser) -> None:
    """Add them, in a group for each of the two."""
    for of, title in TITLES.items():
        group = parser.add_argument_group(title)
        for option in OPTIONS.values():
            if option.of == of:
                _add(group, option)


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that a command line gives, by their names."""
    every = {name: getattr(args, name) for name in OPTIONS}
    return {name: value for name, value in every.items() if value is not None}


def as_typed(name: str, value: Any) -> str:
    """Return an option as a command line has it, to be said in an error; a colour as one says it."""
    option = OPTIONS[name]
    if option.kind == "switch":
        return option.flag if value else f"--no-{option.flag.removeprefix('--')}"
    return f"{option.flag}: {'#{:02x}{:02x}{:02x}'.format(*value) if option.kind == 'color' else value}"


def _add(group: argparse._ArgumentGroup, option: Option) -> None:
    if option.kind == "switch":
        group.add_argument(option.flag, action=argparse.BooleanOptionalAction, help=option.about)
        return
    words = [word for word in option.words if word != RAW]
    group.add_argument(
        option.flag,
        type=argument_type(_parser_of(option, words)),
        metavar=METAVARS.get(option.kind) or ("NAME" if option.name == "format" else "|".join(words)),
        help=_help(option, words),
    )


def _help(option: Option, words: list[str]) -> str:
    if option.name == "format":
        return f"{', '.join(words)}; {option.about}"
    if option.kind == "integer":
        return f"{option.low} to {option.high}: {option.about}"
    if option.kind == "color":
        return f"{option.about}; #RRGGBB, #RGB, a name of CSS, or R,G,B"
    return option.about


def _parser_of(option: Option, words: list[str]) -> Callable[[str], Any]:
    if option.name == "format":
        return lambda text: canonical_format(choice(*words)(text))
    if option.kind == "word":
        return choice(*words)
    if option.kind == "integer":
        return integer(option.low, option.high)
    return byte_size(option.low, option.high) if option.kind == "bytes" else _color


def _color(text: str) -> tuple[int, int, int]:
    """Return red, green and blue, also of six digits alone, and of numbers."""
    parts = [part.strip() for part in text.split(",")]
    given: Any = f"#{text}" if _SIX_DIGITS.fullmatch(text) else text
    if given is text and all(part.isdecimal() for part in parts):
        given = tuple(map(int, parts)) if len(parts) > 1 else int(text)
    try:
        return rgb_of("background", given)
    except InvalidParameterError:
        expected = f"{EXAMPLES}, or numbers from 0 to 255: R,G,B"
        raise ConfigurationError(f"{text!r}, expected {expected}") from None
