"""Advice for arrays of another dtype: what converts them, and what that does to the range that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BYTE = 255
WORD = 65535

MASK = "image.astype(numpy.uint8) * 255 converts a mask"
SCALED = "imgsvc.convert takes it scaled to floats from 0 to 1"


def conversion_advice(image: NDArray[Any], *, deep: bool) -> str:
    """Return what makes uint8 of `image`, or a dtype that is `deep`; what is lost by that is said."""
    kind = image.dtype.kind
    if kind == "b":
        return MASK
    if kind not in "iuf" or image.size == 0:
        return SCALED
    # Of a number and NaN these take the number.
    low, high = np.fmin.reduce(image, axis=None), np.fmax.reduce(image, axis=None)
    if kind == "f":
        return _of_floats(image.dtype, low, high, deep=deep)
    return _of_integers(image.dtype, int(low), int(high), deep=deep)


def _of_floats(dtype: np.dtype[Any], low: Any, high: Any, *, deep: bool) -> str:
    single = "image" if dtype == np.float32 else "image.astype(numpy.float32)"
    if deep:
        return f"{single} rounds to 24 bits, and keeps the range"
    converted = f"imgsvc.convert({single}) makes 0 to 255 of 0 to 1"
    if low >= 0 and high <= 1:
        return converted
    if np.isnan(high):
        return f"{converted}, and 0 of NaN, which all values here are"
    here = f"{converted} and cuts off the rest; values here are from {low:.4g} to {high:.4g}"
    if low >= 0 and high <= WORD:
        white = BYTE if high <= BYTE else WORD
        return f"{here}: if {white} is white, imgsvc.convert({single} / {white}) makes it 255"
    return here


def _of_integers(dtype: np.dtype[Any], low: int, high: int, *, deep: bool) -> str:
    here = f"values here are from {low} to {high}"
    if low >= 0 and high <= BYTE:
        return f"{here}: image.astype(numpy.uint8) keeps them all"
    if low < 0 or high > WORD:
        return f"{here}: {SCALED}"
    words = "image" if dtype == np.uint16 else "image.astype(numpy.uint16)"
    if deep:
        return f"{here}: {words} keeps them all"
    converted = f"{here}: imgsvc.convert({words}) makes 0 to 255 of 0 to 65535"
    white = (1 << high.bit_length()) - 1
    if white == WORD:
        return converted
    brightest = (high + 128) // 257
    return (
        f"{converted}, so that these end at {brightest}; if {white} is white, "
        f"imgsvc.convert((image / {white}).astype(numpy.float32)) makes it 255"
    )
