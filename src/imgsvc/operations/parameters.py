"""Checks of parameters: each returns the value as what the operation works with, or says what is wrong."""

from __future__ import annotations

import math
import operator
from typing import Any, TypeVar

import numpy as np

from imgsvc.errors import InvalidParameterError, shown

T = TypeVar("T")

MAX_SIDE = 1 << 30
"""Pixels of a side of what an operation makes; more is a mistake."""

MAX_BYTES = 1 << 40
"""Bytes of what an operation makes; more is a mistake, and less may still be more than the machine has."""


NO_INTEGERS = (bool, np.bool_)
NO_NUMBERS = (*NO_INTEGERS, str, bytes, bytearray, memoryview)  # `float` would read them


def result_shape(field: str, height: int, width: int, channels: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a result whose size the parameters say, if it is not beyond reason.

    Raises
    ------
    InvalidParameterError
        A side or the whole is; `field` names the parameters that say so.
    """
    shape = (height, width, *channels)
    if max(height, width) > MAX_SIDE or math.prod(shape) > MAX_BYTES:
        raise InvalidParameterError(
            field, f"a result of {width}×{height} pixels", f"at most {MAX_SIDE} a side and {MAX_BYTES} bytes"
        )
    return shape


def integer(field: str, value: Any, low: int, high: int, meaning: str = "") -> int:
    """Return `value` as an int, if it is one from `low` to `high`; bool is none.

    Raises
    ------
    InvalidParameterError
        It is not; the message ends with `meaning`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if isinstance(value, NO_INTEGERS) or not low <= number <= high:
        raise InvalidParameterError(field, shown(value), f"an integer from {low} to {high}{meaning}")
    return number


def number(field: str, value: Any, low: float, high: float, meaning: str = "") -> float:
    """Return `value` as a float, if it is a number from `low` to `high`: neither NaN nor, so, infinite.

    Raises
    ------
    InvalidParameterError
        It is not; the message ends with `meaning`.
    """
    try:
        result = math.nan if isinstance(value, NO_NUMBERS) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not low <= result <= high:
        raise InvalidParameterError(field, shown(value), f"a number from {low:g} to {high:g}{meaning}")
    return result


def one_of(field: str, value: Any, choices: dict[str, T]) -> T:
    """Return what `choices` has under the name `value`.

    Raises
    ------
    InvalidParameterError
        It has no such name.
    """
    if not isinstance(value, str) or value not in choices:
        raise InvalidParameterError(field, shown(value), f"one of {', '.join(map(repr, choices))}")
    return choices[value]


def rounded(numerator: int, denominator: int, least: int = 1) -> int:
    """Return the quotient of integers rounded to nearest, ties to even, and at least `least`."""
    quotient, rest = divmod(numerator, denominator)
    return max(quotient + (2 * rest + quotient % 2 > denominator), least)
