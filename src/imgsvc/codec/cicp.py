"""Colours that a file tells in numbers instead of a profile: made a profile, which everything else knows.

AVIF and PNG have code points for primaries and transfer (ITU-T H.273), PNG also chromaticities and a gamma
(PNG, third edition, 11.3.2).
"""

from __future__ import annotations

import struct

import numpy as np

from imgsvc.codec import icc

__all__ = ["of_code_points", "of_numbers"]

D65, C = (0.3127, 0.329), (0.31, 0.316)
SRGB = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
SMPTE_170M = ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07))
PRIMARIES = {
    1: (SRGB, D65),
    4: (((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), C),
    5: (((0.64, 0.33), (0.29, 0.6), (0.15, 0.06)), D65),
    6: (SMPTE_170M, D65),
    7: (SMPTE_170M, D65),
    9: (((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)), D65),
    11: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), (0.314, 0.351)),
    12: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65),
    22: (((0.63, 0.34), (0.295, 0.605), (0.155, 0.077)), D65),
}
UNSPECIFIED = 2
GAMMAS = {1: None, 4: 2.2, 5: 2.8, 6: None, 8: 1.0, 13: None, 14: None, 15: None}
"""By transfer; None for sRGB's curve, by which also what cameras encode for television is shown."""

HDR = {16: "PQ", 18: "HLG"}
USUAL_GAMMA, TOLERANCE = 2.2, 0.05
"""A gamma like this stands for sRGB's curve: it was written before there was a way to name that."""

UNIT = 100_000
GAMMAS_THAT_ARE = (0.1, 10.0)


def of_code_points(primaries: int, transfer: int, *, gray: bool = False) -> tuple[bytes | None, str | None]:
    """Return the profile of pixels, None for sRGB and what is not known; and what there is to say."""
    if transfer in HDR:
        return (
            None,
            f"its light is {HDR[transfer]}, of high dynamic range, and its values are left as they are",
        )
    columns, white = PRIMARIES.get(primaries, PRIMARIES[1])
    if transfer not in GAMMAS and transfer != UNSPECIFIED:
        return (
            None,
            f"its transfer function, number {transfer} of H.273, is not known and its values are left",
        )
    return _profile(columns, white, GAMMAS.get(transfer), gray=gray), None


def of_numbers(
    gamma: bytes | None, chromaticities: bytes | None, *, gray: bool
) -> tuple[bytes | None, str | None]:
    """Return the same by PNG's chunks gAMA and cHRM."""
    exponent = None
    if gamma is not None:
        (value,) = struct.unpack(">L", gamma) if len(gamma) == 4 else (0,)
        exponent = UNIT / value if value else 0.0
        if not GAMMAS_THAT_ARE[0] <= exponent <= GAMMAS_THAT_ARE[1]:
            return None, "its gamma is damaged and is dropped"
        if abs(exponent - USUAL_GAMMA) <= TOLERANCE * USUAL_GAMMA:
            exponent = None
    columns, white = PRIMARIES[1]
    if chromaticities is not None and not gray:
        try:
            white, *three = _points(chromaticities)
            profile = _profile(tuple(three), white, exponent, gray=gray)
        except (struct.error, ArithmeticError, np.linalg.LinAlgError, ValueError):
            return None, "its chromaticities are damaged and are dropped"
        return profile, None
    return _profile(columns, white, exponent, gray=gray), None


def _points(chromaticities: bytes) -> list[tuple[float, float]]:
    numbers = [number / UNIT for number in struct.unpack(">8L", chromaticities)]
    if not all(numbers[1::2]):
        raise ValueError("a colour without brightness")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _profile(
    columns: tuple[tuple[float, float], ...], white: tuple[float, float], gamma: float | None, *, gray: bool
) -> bytes | None:
    """Return a profile; None if it is sRGB's."""
    if gray:
        return None if gamma is None else icc.made_gray_profile(gamma)
    profile = icc.made_profile(columns, white, gamma)
    return None if icc.parse(profile).is_srgb else profile
