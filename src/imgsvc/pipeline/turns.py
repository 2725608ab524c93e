"""Turns: ``rotate`` takes degrees and ``rotate90`` quarter turns; in texts neither takes the other's.

``rotate90 90`` would be two quarter turns: a text that says so is refused. Mirror images have words.
"""

from __future__ import annotations

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations import Operation, Rotate, Rotate90
from imgsvc.pipeline.text import Call

BY_DEGREES, BY_TURNS = "rotate", "rotate90"
FLIPS = {"vertical": 0, "horizontal": 1}
"""The axes, as most call what ``flip`` does with them."""
QUARTER = 90
"""Degrees, and what ``rotate`` alone turns by in a text."""

MOST_TURNS = 3
"""In either direction: more is a mistake in a text, most likely degrees."""


def in_quarter_turns(operation: Operation) -> Operation:
    """Return a turn that `Rotate90` does, too, as one of these, and any other operation as it is.

    One with a `fill` stays, since that has to fit the image.
    """
    if not isinstance(operation, Rotate) or operation.quarter_turns is None:
        return operation
    plain = operation.expand and operation.fill == Rotate.fill
    return Rotate90(operation.quarter_turns) if plain else operation


def checked_turn(field: str, call: Call) -> Call:
    """Return a call with the angle that a turn has by default, or a word's axis, and any other as it is.

    Raises
    ------
    InvalidParameterError
        Degrees are given as turns or the other way around; the error has what to write instead.
    """
    if call.name == "flip" and len(call.first) == 1 and isinstance(call.first[0], str):
        return Call(call.name, [FLIPS.get(call.first[0], call.first[0])], call.named)
    if call.name == BY_TURNS:
        _check_turns(f"{field}.{BY_TURNS}", call)
    elif call.name == BY_DEGREES:
        if "turns" in call.named:
            turns = call.named["turns"]
            turns = turns if isinstance(turns, int) and abs(turns) <= MOST_TURNS else 1
            expected = f"a parameter: degrees; for quarter turns write {BY_TURNS} {turns}"
            raise InvalidParameterError(f"{field}.{BY_DEGREES}", shown("turns"), expected)
        if not call.first and not call.named:
            return Call(BY_DEGREES, first=[QUARTER])
    return call


def _check_turns(field: str, call: Call) -> None:
    turns = call.by_name(field, ["turns"]).get("turns")
    if isinstance(turns, int) and abs(turns) > MOST_TURNS:
        degrees = turns if turns % QUARTER == 0 else QUARTER
        expected = f"an integer from -{MOST_TURNS} to {MOST_TURNS}; for degrees write {BY_DEGREES} {degrees}"
        raise InvalidParameterError(f"{field}.turns", shown(turns), expected)
