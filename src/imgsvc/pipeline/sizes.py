"""Sizes in texts: ``resize 800x600 cover north``, ``resize 50%``, ``crop 9x9 east``, ``letterbox 9x9``."""

from __future__ import annotations

import re
from typing import Any

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.fitting import FITS, INTERESTS, OTHER_NAMES, POSITIONS
from imgsvc.pipeline.text import Call

__all__ = ["with_sizes"]

SIZED = {"resize", "crop", "letterbox"}
SIZE = re.compile(r"(\d{0,10})x(\d{0,10})")
PERCENT = re.compile(r"(\d{1,10}(?:\.\d{1,20})?)%")
EXPECTED = {
    "resize": "a size such as 800x600, 800x, x600 or 50%, a fit such as cover, or a position such as north",
    "crop": "a size such as 200x200, or a position such as north",
    "letterbox": "a size such as 640x640, or a position such as northwest",
}


def with_sizes(field: str, call: Call) -> Call:
    """Return a call whose values without names have those that they stand for, and any other as it is.

    Raises
    ------
    InvalidParameterError
        A value stands for nothing, or for what another one says.
    """
    if call.name not in SIZED or all(isinstance(value, (int, float)) for value in call.first):
        return call
    named: dict[str, Any] = {}
    for value in call.first:
        for name, meant in _meaning(f"{field}.{call.name}", call.name, value).items():
            other = named.get(name, call.named.get(name))
            if other is not None:
                place = f"{field}.{call.name}.{name}"
                raise InvalidParameterError(place, f"{shown(meant)} and {shown(other)}", "one")
            named[name] = meant
    return Call(call.name, named={**named, **call.named})


def _meaning(field: str, name: str, value: Any) -> dict[str, Any]:
    """Return the parameters that a value is."""
    if isinstance(value, int):
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
    if text in POSITIONS or text in OTHER_NAMES or text in INTERESTS:
        return {"position": text}
    raise InvalidParameterError(field, shown(value), EXPECTED[name])
