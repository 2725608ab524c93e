"""The text form of pipelines, which reads as it runs: ``mean | rotate90 1 | resize width=800``.

::

    pipeline   = [ operation { "|" operation } ]
    operation  = name { value } { parameter "=" value }
    value      = number | word | string | "[" [ value { "," value } ] "]"

The value without a name is the first parameter; `imgsvc.pipeline.sizes` has operations that take several, as
``resize 800x600 cover``. Strings are in single or double quotes, in which a backslash takes the next
character as it is; a word is what needs none, and ``true`` and ``false`` are no strings. ``rotate 90`` is in
degrees, ``rotate90 1`` in quarter turns, both counter-clockwise.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from imgsvc.errors import InvalidParameterError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TEXT = 1 << 16
"""Characters of a text; tables for four channels have 4000."""

MAX_NESTING = 4
MAX_DIGITS = 40
"""Characters of a number: the longest that a float is written with are 24."""

ALIASES = {
    "blur": "gaussian_blur",
    "box": "box_blur",
    "gaussian": "gaussian_blur",
    "gray": "grayscale",
    "grey": "grayscale",
    "greyscale": "grayscale",
    "mean": "mean_filter",
}
"""Other names, for texts alone."""

MOST_FIRST = {"resize": 5, "crop": 2, "letterbox": 4}
"""Values that may stand without a name, where there may be more than one."""

TRUTHS = {"true": True, "false": False, "True": True, "False": False}

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\s|=,\[\]'\"]+")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclasses.dataclass
class Call:
    """An operation as it is written: its name, and its values with their parameters' names or without."""

    name: str
    first: list[Any] = dataclasses.field(default_factory=list)
    named: dict[str, Any] = dataclasses.field(default_factory=dict)

    def by_name(self, field: str, parameters: Sequence[str]) -> dict[str, Any]:
        """Return the values by the parameters' names, `field` being what errors say of the operation.

        Raises
        ------
        InvalidParameterError
            A value has no name, and there is no first parameter or it is given by its name too.
        """
        if not self.first:
            return self.named
        if not parameters:
            raise InvalidParameterError(field, shown(self.first[0]), "no parameters")
        name = parameters[0]
        if name in self.named:
            raise InvalidParameterError(
                f"{field}.{name}", f"{shown(self.first[0])} and {shown(self.named[name])}", "one"
            )
        return {name: self.first[0], **self.named}


def parse(text: str) -> list[Call]:
    """Return the operations that a text names, without knowing which there are.

    Raises
    ------
    InvalidParameterError
        It is too long, or not of that form; the error quotes the place.
    """
    if len(text) > MAX_TEXT:
        raise InvalidParameterError("pipeline", f"{len(text)} characters", f"at most {MAX_TEXT}")
    return _Reader(text).pipeline()


def text_of(name: str, parameters: dict[str, Any]) -> str:
    """Return an operation as text; of `parameters`, plain data, each with its name."""
    return " ".join([name, *(f"{key}={value_text(value)}" for key, value in parameters.items())])


def value_text(value: Any) -> str:
    """Return a value as it is written in texts."""
    if isinstance(value, list):
        return f"[{','.join(map(value_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    if _WORD.fullmatch(value) and _FLOAT.fullmatch(value) is None and value not in TRUTHS:
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Reader:
    """A text, and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.skip_space()

    def pipeline(self) -> list[Call]:
        calls: list[Call] = []
        if not self.text[self.at :]:
            return calls
        while True:
            calls.append(self.operation())
            if not self.take("|"):
                return calls

    def operation(self) -> Call:
        name = self.word("the name of an operation")
        call = Call(ALIASES.get(name, name))
        while self.at < len(self.text) and self.text[self.at] != "|":
            start = self.at
            value = self.value(0)
            if not self.take("="):
                if call.named or len(call.first) >= MOST_FIRST.get(call.name, 1):
                    raise self.refusal(start, "name=value: only the first value may stand without a name")
                call.first.append(value)
                continue
            key = _WORD.match(self.text, start)
            if key is None:
                raise self.refusal(start, "the name of a parameter before =")
            if key[0] in call.named:
                raise self.refusal(start, f"{key[0]} once")
            call.named[key[0]] = self.value(0)
        return call

    def value(self, depth: int) -> Any:
        if self.take("["):
            return self.sequence(depth + 1)
        if self.at < len(self.text) and self.text[self.at] in "'\"":
            return self.string()
        word = self.word("a value: a number, a word, a string in quotes or a list in brackets")
        if len(word) > MAX_DIGITS:
            return word
        if word in TRUTHS:
            return TRUTHS[word]
        if _INTEGER.fullmatch(word):
            return int(word)
        return float(word) if _FLOAT.fullmatch(word) else word

    def sequence(self, depth: int) -> list[Any]:
        if depth > MAX_NESTING:
            raise self.refusal(self.at - 1, f"at most {MAX_NESTING} brackets in each other")
        values: list[Any] = []
        if self.take("]"):
            return values
        while True:
            values.append(self.value(depth))
            if self.take("]"):
                return values
            if not self.take(","):
                raise self.refusal(self.at, ", or ]")

    def string(self) -> str:
        start = self.at
        quote = self.text[start]
        characters: list[str] = []
        at = start + 1
        while at < len(self.text) and self.text[at] != quote:
            at += self.text[at] == "\\"
            characters.append(self.text[at : at + 1])
            at += 1
        if at >= len(self.text):
            raise self.refusal(start, f"a {quote} at the string's end")
        self.at = at + 1
        self.skip_space()
        return "".join(characters)

    def word(self, expected: str) -> str:
        match = _WORD.match(self.text, self.at)
        if match is None:
            raise self.refusal(self.at, expected)
        self.at = match.end()
        self.skip_space()
        return match[0]

    def take(self, character: str) -> bool:
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        self.skip_space()
        return True

    def skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def refusal(self, at: int, expected: str) -> InvalidParameterError:
        place = self.text[at : at + 20]
        got = f"{shown(place)} at character {at + 1}" if place else "the end of the text"
        return InvalidParameterError("pipeline", got, expected)
