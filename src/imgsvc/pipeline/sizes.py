"""Sizes in texts: ``resize 800x600 cover north``, ``resize 50%``, ``crop 9x9 east``, ``letterbox 9x9``."""

from __future__ import annotations

import re
from typing import Any

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.fitting import FITS, position_named
from imgsvc.operations.resizing import RESAMPLES
from imgsvc.pipeline.text import Call

__all__ = ["with_sizes"]

SIZE = re.compile(r"(\d{0,10})x(\d{0,10})")
PERCENT = re.compile(r"(\d{1,10}(?:\.\d{1,20})?)%")
EXPECTED = {
    "resize": (
        "a size such as 800x600, 800x, x600 or 50%, a fit such as cover, a position such as north, a filter "
        "such as lanczos, or another parameter by its name, such as background=white"
    ),
    "crop": "a size such as 200x200, or a position such as north",
    "letterbox": "a size such as 640x640, a position such as northwest, or a parameter by its name",
}


def with_sizes(field: str, call: Call) -> Call:
    """Return a call whose values without names have those that they stand for, and any other as it is.

    Raises
    ------
    InvalidParameterError
        A value stands for nothing, or for what another one says.
    """
    if call.name not in EXPECTED or _is_number_alone(call.first):
        return call
    named: dict[str, Any] = {}
    for value in _sides_in_one(call):
        for name, meant in _meaning(f"{field}.{call.name}", call.name, value).items():
            other = named.get(name, call.named.get(name))
            if other is not None:
                place = f"{field}.{call.name}.{name}"
                raise InvalidParameterError(place, f"{shown(other)} and {shown(meant)}", "one")
            named[name] = meant
    if call.name == "resize" and "position" in named and "fit" not in {**named, **call.named}:
        expected = "fit=cover or fit=contain with it: nothing else cuts off, or leaves room"
        raise InvalidParameterError(f"{field}.resize.position", shown(named["position"]), expected)
    return Call(call.name, named={**named, **call.named})


def _sides_in_one(call: Call) -> list[Any]:
    """Return the values without names, a width and a height that come first as one size.

    Of `crop` they might be a place as well.
    """
    if len(call.first) > 1 and all(map(_is_side, call.first[:2])):
        size = "x".join(map(str, call.first[:2]))
        if call.name == "crop":
            raise InvalidParameterError("pipeline", f"crop {call.first[0]} {call.first[1]}", f"crop {size}")
        return [size, *call.first[2:]]
    return call.first


def _is_number_alone(values: list[Any]) -> bool:
    """Return whether there is none, or the first parameter, as for any other operation."""
    return not values or (len(values) == 1 and isinstance(values[0], (int, float)))


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _meaning(field: str, name: str, value: Any) -> dict[str, Any]:
    """Return the parameters that a value is."""
    if _is_side(value):
        return {"width": value}
    text = value if isinstance(value, str) else ""
    size, percent = SIZE.fullmatch(text), PERCENT.fullmatch(text)
    if size and any(size.groups()):
        sides = zip(("width", "height"), size.groups(), strict=True)
        return {side: int(digits) for side, digits in sides if digits}
    if name == "resize" and percent:
        return {"scale": float(percent[1]) / 100}
    if name == "resize" and text in FITS:
        return {"fit": text}
    if name != "crop" and text in RESAMPLES:
        return {"resample": text}
    if position_named(text) is not None:
        return {"position": text}
    raise InvalidParameterError(field, shown(value), EXPECTED[name])
