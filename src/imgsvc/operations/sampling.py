"""Where pixels of a result come from in its image, along straight lines: integers, the same on every machine.

Places are multiples of 2**-32 of a pixel. All that leads to them is computed with integers and exact
fractions, and rounded once.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgsvc.errors import InvalidParameterError
from imgsvc.operations.filters import NEAREST

if TYPE_CHECKING:
    from imgsvc.operations.matrices import Matrix

PLACE_BITS = 32
FRACTION_BITS = 7
"""Of a place that is between pixels; ``kernels/interpolate.h`` has both."""

WEIGHT_BITS = {"bilinear": FRACTION_BITS, "bicubic": 11}
TAPS = {NEAREST: 1, "bilinear": 2, "bicubic": 4}
"""The interpolations, and the pixels of a side that each looks at."""

FARTHEST = 1 << 30
"""Pixels between the image's first pixel and a place."""

ANGLE_BITS, SERIES_BITS = 64, 80
PI = 31415926535897932384626433832795028841971 * (1 << SERIES_BITS) // 10**40

Size = tuple[int, int]


class Places(NamedTuple):
    """The place of the result's first pixel, and the ways from a pixel to the next, and to that below."""

    x: int
    y: int
    x_across: int
    y_across: int
    x_down: int
    y_down: int

    def at(self, row: int, column: int) -> tuple[int, int]:
        """Return the column and the row that a pixel of the result has its place at."""
        return (
            self.x + column * self.x_across + row * self.x_down,
            self.y + column * self.y_across + row * self.y_down,
        )


def determinant(matrix: Matrix) -> Fraction:
    """Return by how much a 2×3 matrix makes areas larger; exactly."""
    (a, b, _), (c, d, _) = matrix
    return Fraction(a) * Fraction(d) - Fraction(b) * Fraction(c)


@functools.lru_cache(maxsize=64)
def places_of(matrix: Matrix) -> Places:
    """Return the places by a matrix that can be inverted, from the image to the result."""
    (a, b, right), (c, d, down) = (map(Fraction, row) for row in matrix)
    unit = Fraction(1 << PLACE_BITS) / determinant(matrix)
    return Places(
        *(round(each * unit) for each in (b * down - d * right, c * right - a * down, d, -c, -b, a))
    )


def turned_places(cosine: int, sine: int, source: Size, result: Size) -> Places:
    """Return the places of a turn counter-clockwise around the centres of the image and the result."""
    across, down = (rounded_off(value, ANGLE_BITS - PLACE_BITS) for value in (cosine, sine))
    (height, width), (rows, columns) = source, result
    twice_x = ((width - 1) << PLACE_BITS) - across * (columns - 1) + down * (rows - 1)
    twice_y = ((height - 1) << PLACE_BITS) - down * (columns - 1) - across * (rows - 1)
    return Places(twice_x >> 1, twice_y >> 1, across, down, -down, across)


def turned_size(cosine: int, sine: int, source: Size) -> Size:
    """Return the least whole size that holds a turned image."""
    height, width = source
    cosine, sine = abs(cosine), abs(sine)
    rows, columns = (
        rounded_off(length, ANGLE_BITS - PLACE_BITS)
        for length in (width * sine + height * cosine, width * cosine + height * sine)
    )
    return -(-rows >> PLACE_BITS), -(-columns >> PLACE_BITS)


def kernel_places(field: str, places: Places, size: Size, resample: str) -> Places:
    """Return places for a result of some size as the kernel takes them: with what rounds them added.

    Steps that nothing goes are 0.

    Raises
    ------
    InvalidParameterError
        A pixel of the result has a place too far away; `field` names the parameter that says so.
    """
    rows, columns = size
    half = 1 << (PLACE_BITS - (1 if resample == NEAREST else FRACTION_BITS + 1))
    corners = [places.at(row, column) for row in (0, rows - 1) for column in (0, columns - 1)]
    if any(abs(each) > (FARTHEST - 1) << PLACE_BITS for corner in corners for each in corner):
        raise InvalidParameterError(
            field,
            f"pixels of a result of {columns}×{rows} from far outside of the image",
            f"one whose pixels come from at most {FARTHEST - 1} columns and rows beside the image's first",
        )
    x_across, y_across = (places.x_across, places.y_across) if columns > 1 else (0, 0)
    x_down, y_down = (places.x_down, places.y_down) if rows > 1 else (0, 0)
    return Places(places.x + half, places.y + half, x_across, y_across, x_down, y_down)


@functools.cache
def weights_of(resample: str) -> NDArray[np.int16]:
    """Return for each fraction of a place the weights of the pixels around it; read-only.

    Keys' cubic weights, with a = -1/2, are rounded to nearest, ties to even; what they then lack of 1 goes to
    the nearer of the two in the middle, or the first.
    """
    one = 1 << FRACTION_BITS
    if resample == NEAREST:
        rows = [[1]] * one
    elif resample == "bilinear":
        rows = [[one - part, part] for part in range(one)]
    else:
        rows = [_cubic(Fraction(part, one)) for part in range(one)]
    weights = np.array(rows, np.int16)
    weights.flags.writeable = False
    return weights


def _cubic(t: Fraction) -> list[int]:
    whole = 1 << WEIGHT_BITS["bicubic"]
    exact = (
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (-(t**2) + t**3) / 2,
    )
    weights = [round(each * whole) for each in exact]
    weights[1 if 2 * t <= 1 else 2] += whole - sum(weights)
    return weights


@functools.lru_cache(maxsize=64)
def cosine_and_sine(degrees: float) -> tuple[int, int]:
    """Return both in 2**-64, by Taylor's series of the angle to the nearest quarter turn; exact for these."""
    exact = Fraction(degrees)
    turns = round(exact / 90)
    rest = exact - 90 * turns
    angle = rest.numerator * PI // (180 * rest.denominator)
    cosine, sine = (
        rounded_off(_series(first, power, angle), SERIES_BITS - ANGLE_BITS)
        for first, power in ((1 << SERIES_BITS, 0), (angle, 1))
    )
    for _ in range(turns % 4):
        cosine, sine = -sine, cosine
    return cosine, sine


def _series(term: int, power: int, angle: int) -> int:
    square = angle * angle >> SERIES_BITS
    total = 0
    while term not in {0, -1}:
        total += term
        power += 2
        term = -(term * square >> SERIES_BITS) // (power * (power - 1))
    return total


def rounded_off(value: int, bits: int) -> int:
    """Return `value` without its last bits, rounded to nearest, ties up."""
    return (value + (1 << (bits - 1))) >> bits


def share_inside(places: Places, source: Size, size: Size) -> float:
    """Return which part of a result has its places inside the image, about."""
    rows, columns = size
    scale = math.ldexp(1, -PLACE_BITS)
    corners = [
        (x * scale, y * scale)
        for x, y in (
            places.at(row, column) for row, column in ((0, 0), (0, columns), (rows, columns), (rows, 0))
        )
    ]
    whole = _area(corners)
    if whole == 0:
        return 1
    for axis, length in ((0, source[1]), (1, source[0])):
        corners = _cut(corners, axis, 1, 0)
        corners = _cut(corners, axis, -1, length)
    return min(_area(corners) / whole, 1)


def _area(corners: list[tuple[float, float]]) -> float:
    following = corners[1:] + corners[:1]
    return (
        abs(sum(x * below - right * y for (x, y), (right, below) in zip(corners, following, strict=True))) / 2
    )


def _cut(corners: list[tuple[float, float]], axis: int, sign: int, limit: float) -> list[tuple[float, float]]:
    """Return the part of a polygon for which ``sign * coordinate + limit`` is not below 0."""
    result = []
    for one, other in zip(corners, corners[1:] + corners[:1], strict=True):
        before, after = sign * one[axis] + limit, sign * other[axis] + limit
        if before >= 0:
            result.append(one)
        if (before < 0) != (after < 0):
            part = before / (before - after)
            result.append((one[0] + part * (other[0] - one[0]), one[1] + part * (other[1] - one[1])))
    return result
