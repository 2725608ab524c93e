"""Colours: as ``#rgb``, ``#rrggbb``, ``#rrggbbaa``, by a name of CSS, or as levels."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc._images import UINT8
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.parameters import integer, number, rounded
from imgsvc.operations.scratch import channels_of

if TYPE_CHECKING:
    from imgsvc._images import Shape

__all__ = [
    "EXAMPLES",
    "Color",
    "check_channels",
    "check_range",
    "checked_color",
    "checked_rgb",
    "levels_of",
    "rgb_of",
]

Color = float | str | tuple[float, ...]
"""A level for all channels, a text, red, green and blue, or a level for each channel."""

HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
EXAMPLES = "a colour as '#ff8800' or 'orange'"
A_LEVEL = "a level of the image's values, 0 to 255 of 8 bits"
TRANSPARENT = "#00000000"
RGB, MOST_CHANNELS = 3, 4
MAX_WHOLE = (1 << 31) - 1
"""Beyond it a level is a float, as no integer of a message is."""
MAX_LEVEL = float(np.finfo(np.float32).max)
LUMA, LUMA_BITS = (9798, 19235, 3735), 15
"""Of RGB, as `imgsvc.grayscale` weighs them."""


def checked_color(field: str, value: Any) -> Color:
    """Return a colour as it is kept: texts in the form ``#rrggbb`` or ``#rrggbbaa``.

    Raises
    ------
    InvalidParameterError
        It is none.
    """
    if isinstance(value, str):
        return _hex(field, value)
    values = _values(value)
    if 0 < len(values) <= MOST_CHANNELS:
        return tuple(_level(field, each) for each in values)
    return _level(field, value, f", or one for each channel, or {EXAMPLES}")


def checked_rgb(field: str, value: Any) -> Color:
    """Return a colour of images with red, green and blue of 8 bits, as it is kept.

    Raises
    ------
    InvalidParameterError
        It is none.
    """
    color = checked_color(field, value)
    if color == TRANSPARENT:
        raise InvalidParameterError(field, shown(value), "a colour that can be seen")
    if isinstance(color, tuple) and len(color) != RGB:
        raise InvalidParameterError(field, shown(value), "one level, or 3: red, green, blue")
    check_range(field, color, UINT8)
    return color


def rgb_of(field: str, value: Any) -> tuple[int, int, int]:
    """Return red, green and blue of a colour; an alpha that it has is left out.

    Raises
    ------
    InvalidParameterError
        It is none.
    """
    red, green, blue = map(int, levels_of(checked_rgb(field, value), RGB, UINT8))
    return red, green, blue


def check_channels(field: str, color: Color, shape: Shape) -> None:
    """Raise InvalidParameterError if levels are neither red, green and blue nor those of each channel."""
    channels = channels_of(shape)
    if isinstance(color, tuple) and len(color) not in {channels, RGB}:
        expected = {1: "3: red, green, blue", RGB: "3, one for each channel"}
        four = "3: red, green, blue, or 4, one for each channel"
        raise InvalidParameterError(field, shown(color), f"one level, or {expected.get(channels, four)}")


def check_range(field: str, color: Color, dtype: np.dtype[Any]) -> None:
    """Raise InvalidParameterError if a level is not in the range of a dtype."""
    if isinstance(color, str) or not _is_whole(dtype):
        return
    high = np.iinfo(dtype).max
    for level in color if isinstance(color, tuple) else (color,):
        integer(field, level, 0, high, f", the range of {dtype}, or one for each channel")


def levels_of(color: Color, channels: int, dtype: np.dtype[Any]) -> tuple[float, ...]:
    """Return the level of each channel, of a colour that was checked.

    A text is of 8 bits, and scaled to the range of `dtype`. A colour becomes gray as by `grayscale`, and with
    alpha it is opaque unless it says otherwise.
    """
    if isinstance(color, str):
        color = tuple(_scaled(level, dtype) for level in bytes.fromhex(color[1:]))
    elif not isinstance(color, tuple):
        return (color,) * channels
    if channels == 1 and len(color) > 1:
        luma = sum(map(operator.mul, LUMA, color))
        return (rounded(int(luma), 1 << LUMA_BITS, 0) if _is_whole(dtype) else luma / (1 << LUMA_BITS),)
    return (*color, _scaled(255, dtype))[:channels]


def _hex(field: str, text: str) -> str:
    written = text.strip().lower()
    if not written.startswith("#"):
        from PIL import ImageColor  # noqa: PLC0415 - the library is there without it

        name = written.replace(" ", "")
        if name == "transparent":
            return TRANSPARENT
        # Not what is in its map: it puts there what it has looked up, in another form.
        written = (
            "#{:02x}{:02x}{:02x}".format(*ImageColor.getrgb(name)) if name in ImageColor.colormap else ""
        )
    if not HEX.fullmatch(written):
        raise InvalidParameterError(field, shown(text), f"{EXAMPLES}, or levels")
    digits = written[1:]
    return f"#{digits if len(digits) > MOST_CHANNELS else ''.join(2 * digit for digit in digits)}"


def _is_whole(dtype: np.dtype[Any]) -> bool:
    return np.issubdtype(dtype, np.integer)


def _scaled(level: int, dtype: np.dtype[Any]) -> float:
    if _is_whole(dtype):
        return level * (int(np.iinfo(dtype).max) // 255)
    return level / 255


def _level(field: str, value: Any, meaning: str = "") -> float:
    """Return a level of some dtype: an int where it is whole, so that equal levels are kept as equal ones."""
    try:
        level = number(field, value, -MAX_LEVEL, MAX_LEVEL)
    except InvalidParameterError as error:
        raise InvalidParameterError(field, error.value, f"{A_LEVEL}{meaning}") from None
    return int(level) if level.is_integer() and abs(level) <= MAX_WHOLE else level


def _values(color: Any) -> tuple[Any, ...]:
    """Return what a sequence holds; nothing if it is no sequence, or one of sequences."""
    if not isinstance(color, (tuple, list)) and not (isinstance(color, np.ndarray) and color.ndim == 1):
        return ()
    return () if any(isinstance(value, (tuple, list, np.ndarray)) for value in color) else tuple(color)
