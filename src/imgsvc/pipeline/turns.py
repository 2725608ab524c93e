"""Turns in texts: ``rotate`` takes degrees and ``rotate90`` quarter turns, and neither takes the other's.

``rotate 1`` once meant a quarter turn, and ``rotate90 90`` would be two of them: in texts both are refused.
"""

from __future__ import annotations

from typing import Any

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.pipeline.text import Call

BY_DEGREES = "rotate"
BY_TURNS = "rotate90"
"""The operation itself."""

TURNS: dict[float, int] = {0: 0, 90: 1, 180: 2, 270: 3, 360: 0, -90: 3, -180: 2, -270: 1}
"""The quarter turns, counter-clockwise, for those degrees that are some."""

MOST_TURNS = 3
"""In either direction: more is a mistake in a text, most likely degrees."""


def in_quarter_turns(field: str, call: Call) -> Call:
    """Return a call of ``rotate`` as one of ``rotate90``, and any other as it is.

    Raises
    ------
    InvalidParameterError
        It turns by something else, or says so in another way; the error has what to write instead.
    """
    if call.name == BY_DEGREES:
        return Call(BY_TURNS, named={"turns": _turns(f"{field}.{BY_DEGREES}", call)})
    if call.name == BY_TURNS:
        _check_turns(f"{field}.{BY_TURNS}", call)
    return call


def _turns(field: str, call: Call) -> int:
    for name, value in call.named.items():
        if name != "degrees":
            raise InvalidParameterError(field, shown(name), f"a parameter: degrees; {_instead(value)}")
    degrees = call.by_name(field, ["degrees"]).get("degrees", 90)
    turns = TURNS.get(degrees) if isinstance(degrees, (int, float)) else None
    if turns is None:
        expected = f"0, ±90, ±180, ±270 or 360, degrees counter-clockwise; {_instead(degrees)}"
        raise InvalidParameterError(f"{field}.degrees", shown(degrees), expected)
    return turns


def _check_turns(field: str, call: Call) -> None:
    turns = call.by_name(field, ["turns"]).get("turns")
    if isinstance(turns, int) and abs(turns) > MOST_TURNS:
        degrees = turns if turns in TURNS else 90
        expected = f"an integer from -{MOST_TURNS} to {MOST_TURNS}; for degrees write {BY_DEGREES} {degrees}"
        raise InvalidParameterError(f"{field}.turns", shown(turns), expected)


def _instead(value: Any) -> str:
    turns = value if isinstance(value, int) and abs(value) <= MOST_TURNS else 1
    return f"for quarter turns write {BY_TURNS} {turns}"
