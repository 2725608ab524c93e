"""Tables of 256 bytes for operations that replace values: exact, so the same on every machine."""

from __future__ import annotations

import decimal
import functools
from typing import Any

import numpy as np

from imgsvc.errors import InvalidParameterError, shown

SIZE = 256
ROWS = (1, 3, 4)
EXACTLY = decimal.Context(
    prec=50, rounding=decimal.ROUND_HALF_EVEN, Emin=-999999, Emax=999999, capitals=1, clamp=0, traps=[]
)
"""Computes the same everywhere; nothing is left to the process's default context, which may be another."""

NEAR_TIE = 1e-6
"""Floats are far more exact than this, whatever the C library's `pow` makes of their last bits."""


def table_bytes(field: str, table: Any) -> bytes:
    """Return the rows of a table one after the other, if it has one or as many as an image has channels.

    Raises
    ------
    InvalidParameterError
        It has another shape, or holds anything but integers from 0 to 255.
    """
    expected = "256 integers from 0 to 255, or a row of 256 for each channel"
    if isinstance(table, bytes):
        if len(table) not in [rows * SIZE for rows in ROWS]:
            raise InvalidParameterError(field, f"{len(table)} bytes", expected)
        return table
    try:
        array = np.asarray(table)
    except (TypeError, ValueError, OverflowError):
        raise InvalidParameterError(field, shown(table), expected) from None
    if array.ndim == 0:
        raise InvalidParameterError(field, shown(table), expected)
    is_table = array.shape == (SIZE,) or array.shape in [(rows, SIZE) for rows in ROWS]
    if not is_table or array.dtype.kind not in "iu":
        raise InvalidParameterError(field, f"{array.dtype} array of shape {array.shape}", expected)
    if array.dtype == np.uint8:
        return array.tobytes()
    for extreme in (array.min(), array.max()):
        if not 0 <= extreme <= 255:
            raise InvalidParameterError(field, extreme, expected)
    return array.astype(np.uint8).tobytes()


IDENTITY = bytes(range(SIZE))
"""Of what stays as it is."""


def colour_rows(row: bytes, channels: int) -> bytes:
    """Return the rows of an operation that does `row` to colours, and nothing to alpha."""
    return row * 3 + IDENTITY if channels == 4 else row * channels


@functools.lru_cache(maxsize=256)
def adjust_table(brightness: float, contrast: float) -> bytes:
    """Return ``contrast * (v - 127.5) + 127.5 + brightness`` for each v, computed as a fraction."""
    slope, slope_divisor = contrast.as_integer_ratio()
    shift, shift_divisor = brightness.as_integer_ratio()
    divisor = 2 * slope_divisor * shift_divisor
    step = 2 * slope * shift_divisor
    start = slope_divisor * (255 * shift_divisor + 2 * shift) - 255 * slope * shift_divisor
    return bytes(min(max(_divide(start + step * value, divisor), 0), 255) for value in range(SIZE))


def _divide(dividend: int, divisor: int) -> int:
    """Round to nearest, ties to even."""
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest > divisor or (2 * rest == divisor and quotient % 2 == 1))


@functools.lru_cache(maxsize=256)
def gamma_table(gamma: float) -> bytes:
    """Return ``255 * (v / 255) ** gamma`` for each v.

    There is no tie: a float is p / q, so it would be 2**q * v**p * 255**q = (2 k + 1)**q * 255**p, an even
    number and an odd one. What is near to one is computed again, with as many digits as tell them apart.
    """
    return bytes(_power(value, gamma) for value in range(SIZE))


def _power(value: int, gamma: float) -> int:
    power: float = 255.0 * (value / 255.0) ** gamma
    if abs(power % 1 - 0.5) > NEAR_TIE:
        return round(power)
    with decimal.localcontext(EXACTLY):
        return round(255 * (decimal.Decimal(value) / 255) ** decimal.Decimal(gamma))
