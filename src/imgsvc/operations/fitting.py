"""Fits: the size that an image gets for one that is asked for, and where it lies in the result.

All in integers: sides are compared as products, and rounded to nearest, ties to even, and at least 1.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.parameters import number, rounded

__all__ = ["FITS", "Fit", "Fitted", "Position", "checked_position", "fitted", "offset", "position_named"]

Fit = Literal["fill", "cover", "contain", "inside", "outside"]
FITS: dict[str, str] = {name: name for name in ("fill", "cover", "contain", "inside", "outside")}

Position = str | tuple[float, float]
"""A name of `POSITIONS`, or what goes to the left and above of what is free, from 0 to 1."""

CENTER = (0.5, 0.5)
POSITIONS: dict[str, tuple[float, float]] = {
    "center": CENTER,
    "north": (0.5, 0.0),
    "northeast": (1.0, 0.0),
    "east": (1.0, 0.5),
    "southeast": (1.0, 1.0),
    "south": (0.5, 1.0),
    "southwest": (0.0, 1.0),
    "west": (0.0, 0.5),
    "northwest": (0.0, 0.0),
}
INTERESTS = ("entropy", "attention")
"""Positions that depend on what an image shows: see `imgsvc.operations.interest`."""

OTHER_NAMES = {
    "centre": "center", "middle": "center",
    "top": "north", "right": "east", "bottom": "south", "left": "west",
    "topleft": "northwest", "topright": "northeast",
    "bottomleft": "southwest", "bottomright": "southeast",
    "lefttop": "northwest", "righttop": "northeast",
    "leftbottom": "southwest", "rightbottom": "southeast",
}  # fmt: skip
"""Without what is between words: ``north-west`` and ``top left`` are places, too."""
BETWEEN_WORDS = str.maketrans("", "", "-_ ")
AXES = 2


class Fitted(NamedTuple):
    """What becomes of an image: each is (rows, columns).

    Attributes
    ----------
    size
        That the image gets.
    offset
        Where that begins in the result; negative where some of it is cut off.
    canvas
        The size of the result.
    """

    size: tuple[int, int]
    offset: tuple[int, int]
    canvas: tuple[int, int]

    @property
    def is_padded(self) -> bool:
        """Whether there is more in the result than the image."""
        return self.canvas[0] > self.size[0] or self.canvas[1] > self.size[1]


def position_named(text: str) -> str | None:
    """Return the first of a position's names, or None if there is none of that name."""
    name = text.translate(BETWEEN_WORDS)
    name = OTHER_NAMES.get(name, name)
    return name if name in POSITIONS or name in INTERESTS else None


def checked_position(value: Any, others: tuple[str, ...] = INTERESTS) -> Position:
    """Return a position by the first of its names, or as two floats; `others` may be it as well.

    Raises
    ------
    InvalidParameterError
        It is none.
    """
    if isinstance(value, str):
        name = position_named(value)
        if name in POSITIONS or name in others:
            return name
    elif isinstance(value, (tuple, list)) and len(value) == AXES:
        return number("position", value[0], 0, 1), number("position", value[1], 0, 1)
    expected = (
        f"one of {', '.join(map(repr, (*POSITIONS, *others)))}, or two numbers from 0 to 1, from the left "
        "and the top"
    )
    raise InvalidParameterError("position", shown(value), expected)


def offset(free: int, position: Position, axis: int) -> int:
    """Return what of `free` pixels goes before; axis 0 is that of the rows.

    Where that depends on what the image shows, it is half of them until somebody has looked.
    """
    fractions = POSITIONS.get(position, CENTER) if isinstance(position, str) else position
    return math.floor(free * fractions[1 - axis])


def fitted(
    source: tuple[int, int], asked: tuple[int, int], fit: Fit, position: Position, *, enlarge: bool
) -> Fitted:
    """Return what becomes of an image; each size is (rows, columns).

    Parameters
    ----------
    source, asked
        The image's size, and that of which the fit makes the result's.
    fit
        ``fill``: just that size. ``inside`` and ``outside``: the largest that is nowhere larger, and the
        smallest that is nowhere smaller, of the image's ratio. ``contain`` puts the former upon a canvas of
        that size, and ``cover`` cuts it out of the latter.
    enlarge
        Whether the image may grow. Otherwise ``cover`` cuts the ratio that is asked for out of an image that
        is too small, and ``contain`` puts such an image upon the canvas as it is.
    """
    size = _size(source, asked, fit)
    if not enlarge and (size[0] > source[0] or size[1] > source[1]):
        size = (min(size[0], source[0]), min(size[1], source[1])) if fit == "fill" else source
        if fit == "cover":
            asked = _cut(source, asked)
    if fit not in ("cover", "contain"):
        return Fitted(size, (0, 0), size)
    top, left = (_before(asked[axis] - size[axis], position, axis) for axis in range(AXES))
    return Fitted(size, (top, left), asked)


def _size(source: tuple[int, int], asked: tuple[int, int], fit: Fit) -> tuple[int, int]:
    if fit == "fill":
        return asked
    (rows, columns), (height, width) = source, asked
    is_wider = width * rows > height * columns  # what is asked for, than the image is
    if is_wider == (fit in ("cover", "outside")):
        return rounded(rows * width, columns), width
    return height, rounded(columns * height, rows)


def _cut(source: tuple[int, int], asked: tuple[int, int]) -> tuple[int, int]:
    """Return the largest part of an image that has the ratio of what is asked for."""
    (rows, columns), (height, width) = source, asked
    if width * rows > height * columns:
        return rounded(height * columns, width), columns
    return rows, rounded(width * rows, height)


def _before(free: int, position: Position, axis: int) -> int:
    return offset(free, position, axis) if free >= 0 else -offset(-free, position, axis)
