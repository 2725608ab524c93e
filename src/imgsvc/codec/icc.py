"""ICC profiles: whose colours they describe, whether these are sRGB's, and what LittleCMS is given of them.

LittleCMS reads what a profile says, however long that takes: a tag of many elements that share their bytes
holds it for minutes. So it gets only the tags that a conversion to sRGB can use, each once, and only tables
that are no larger than their bytes. Source: ICC.1:2022, chapters 7, 9 and 10.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Profile", "made_gray_profile", "made_profile", "name_of", "parse"]

HEADER = 128
ENTRY = struct.Struct(">4sLL")
MOST_TAGS = 100
"""LittleCMS reads no more either."""

MOST_NAME = 200
"""Characters of a name."""

MATRIX = (b"rXYZ", b"gXYZ", b"bXYZ")
CURVES = (b"rTRC", b"gTRC", b"bTRC")
TABLES = (b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2")
USED = frozenset({b"wtpt", b"bkpt", b"chad", b"kTRC", *MATRIX, *CURVES, *TABLES})
"""Not among them: what makes the same of floats in any number of steps (D2B0 and its like), which everybody
may leave out where there is one of these."""

SRGB_MATRIX = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
"""sRGB's primaries, adapted to the white of profiles (D50); their sum is that white."""

MATRIX_TOLERANCE = 0.003
"""Of each number: the profiles of sRGB that are in use differ by 0.001."""

CURVE_TOLERANCE = 1 / 255
"""Of sRGB's values: what makes no difference of more than one in 8 bits."""

FIXED = 65536
VERSION = 0x04200000


class Profile(NamedTuple):
    """A profile that has been looked through.

    Attributes
    ----------
    data
        All of it.
    space
        Of the pixels it describes: ``"RGB"``, ``"GRAY"``, ``"CMYK"``, ``"Lab"``.
    tags
        Where the used ones are: offset and size by name.
    """

    data: bytes
    space: str
    tags: dict[bytes, tuple[int, int]]

    def content(self, tag: bytes) -> bytes:
        """Return a tag's bytes; none where there is no such tag."""
        start, size = self.tags.get(tag, (0, 0))
        return self.data[start : start + size]

    @property
    def is_srgb(self) -> bool:
        """Whether it describes sRGB, by its primaries, white and curves; its name says nothing."""
        if self.space != "RGB" or any(table in self.tags for table in TABLES[:3]):
            return False
        for tag, expected in zip(MATRIX, SRGB_MATRIX, strict=True):
            found = _xyz(self.content(tag))
            if found is None or np.abs(np.subtract(found, expected)).max() > MATRIX_TOLERANCE:
                return False
        return all(_is_srgb_curve(content) for content in {self.content(tag) for tag in CURVES})

    def for_conversion(self) -> bytes:
        """Return it with no tags but those that a conversion uses; their bytes stay where they are."""
        entries = b"".join(ENTRY.pack(tag, *place) for tag, place in self.tags.items())
        table = struct.pack(">L", len(self.tags)) + entries
        end = _end_of_table(self.data)
        return self.data[:HEADER] + table.ljust(end - HEADER, b"\0") + self.data[end:]


def parse(data: bytes) -> Profile:
    """Look a profile through, in a time that its size bounds.

    Raises
    ------
    ValueError
        It is damaged.
    """
    if len(data) < HEADER + 4 or data[36:40] != b"acsp":
        raise ValueError("no profile")
    end = _end_of_table(data)
    if end > min(len(data), HEADER + 4 + MOST_TAGS * ENTRY.size):
        raise ValueError("too many tags")
    tags: dict[bytes, tuple[int, int]] = {}
    for tag, start, size in ENTRY.iter_unpack(data[HEADER + 4 : end]):
        if tag not in USED or tag in tags:
            continue
        if start < end or start + size > len(data):
            raise ValueError("a tag beyond the end")
        if tag in TABLES:
            _check_table(data[start : start + size])
        tags[tag] = start, size
    return Profile(data, data[16:20].decode("latin-1").strip(), tags)


def name_of(data: bytes) -> str:
    """Return what a profile calls itself, in the first of its languages; nothing where it does not."""
    try:
        end = min(_end_of_table(data), HEADER + 4 + MOST_TAGS * ENTRY.size)
        entries = data[HEADER + 4 : end]
        for tag, start, size in ENTRY.iter_unpack(entries[: len(entries) // ENTRY.size * ENTRY.size]):
            if tag == b"desc":
                return _text(data[start : start + size])
    except struct.error:
        pass
    return ""


def _text(content: bytes) -> str:
    """Return the text of a description: bytes up to version 2, and from 4 on UTF-16 in several languages."""
    if content.startswith(b"mluc"):
        size, start = struct.unpack_from(">LL", content, 20)
        text = content[start : start + min(size, 2 * MOST_NAME)].decode("utf-16-be", "replace")
    elif content.startswith(b"desc"):
        (size,) = struct.unpack_from(">L", content, 8)
        text = content[12 : 12 + min(size, MOST_NAME)].decode("latin-1")
    else:
        return ""
    return " ".join(text.split("\0")[0].split())


def _end_of_table(data: bytes) -> int:
    (count,) = struct.unpack_from(">L", data, HEADER)
    return HEADER + 4 + int(count) * ENTRY.size


def made_profile(
    primaries: Sequence[tuple[float, float]], white: tuple[float, float], gamma: float | None
) -> bytes:
    """Return a profile of RGB; raises an error of `numpy.linalg` for primaries of which two are the same.

    Parameters
    ----------
    primaries, white
        Red, green, blue, and white, as xy.
    gamma
        The exponent from values to light; None for sRGB's curve.
    """
    matrix = _adapted(np.array(primaries), np.array(white))
    columns = {tag: _xyz_tag(column) for tag, column in zip(MATRIX, matrix.T, strict=True)}
    return _written(b"RGB ", columns, CURVES, SRGB_CURVE if gamma is None else _gamma_curve(gamma))


def made_gray_profile(gamma: float) -> bytes:
    """Return a profile of gray, by the exponent from values to light."""
    return _written(b"GRAY", {}, (b"kTRC",), _gamma_curve(gamma))


def _written(space: bytes, columns: dict[bytes, bytes], curve_tags: Sequence[bytes], curve: bytes) -> bytes:
    contents = {b"wtpt": _xyz_tag(D50), **columns}
    start = HEADER + 4 + ENTRY.size * (len(contents) + len(curve_tags))
    entries, body = b"", b""
    for tag, content in contents.items():
        entries += ENTRY.pack(tag, start + len(body), len(content))
        body += content
    for tag in curve_tags:  # which share theirs
        entries += ENTRY.pack(tag, start + len(body), len(curve))
    body += curve
    kinds = b"mntr", space, b"XYZ ", b"acsp"
    header = struct.pack(">L4xL4s4s4s12x4s28x3L", start + len(body), VERSION, *kinds, *_fixed(D50))
    count = struct.pack(">L", len(contents) + len(curve_tags))
    return header.ljust(HEADER, b"\0") + count + entries + body


def _gamma_curve(gamma: float) -> bytes:
    return struct.pack(">4s4xLH2x", b"curv", 1, round(gamma * 256))


def _xyz(content: bytes) -> tuple[float, float, float] | None:
    if len(content) < 20 or content[:4] != b"XYZ ":
        return None
    x, y, z = struct.unpack_from(">3l", content, 8)
    return x / FIXED, y / FIXED, z / FIXED


def _is_srgb_curve(content: bytes) -> bool:
    """Return whether a curve is sRGB's."""
    values = np.linspace(0.0, 1.0, 256)
    try:
        with np.errstate(all="ignore"):  # a stranger's numbers
            light = _light(content, values)
    except (struct.error, ValueError):
        return False
    if light is None or not np.isfinite(light).all():
        return False
    low = np.minimum(light, 0.0031308) * 12.92
    high = 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    encoded = np.where(light <= 0.0031308, low, high)
    return bool(np.abs(encoded - values).max() <= CURVE_TOLERANCE)


def _light(content: bytes, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the light of values by a curve; None where it is of no known kind."""
    if content[:4] == b"curv":
        (count,) = struct.unpack_from(">L", content, 8)
        if count == 0:
            return values
        if count == 1:
            (gamma,) = struct.unpack_from(">H", content, 12)
            powered: NDArray[np.float64] = values ** (gamma / 256)
            return powered
        table = np.frombuffer(content, ">u2", count, 12) / 65535
        return np.interp(values, np.linspace(0.0, 1.0, count), table)
    if content[:4] != b"para":
        return None
    (kind,) = struct.unpack_from(">H", content, 8)
    if kind >= len(PARAMETERS):
        return None
    numbers = [each / FIXED for each in struct.unpack_from(f">{PARAMETERS[kind]}l", content, 12)]
    g, a, b, c, d, e, f = numbers + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][len(numbers) - 1 :]
    if kind == 2:  # its third is a number that is added on both sides
        c, e, f = 0.0, numbers[3], numbers[3]
    if kind in {1, 2}:
        d = -b / a if a else math.inf
    if kind == 0:
        d = -math.inf
    power = np.maximum(a * values + b, 0.0) ** g
    light: NDArray[np.float64] = np.where(values >= d, power + e, c * values + f)
    return light


PARAMETERS = (1, 3, 4, 5, 7)
"""How many numbers a parametric curve of each kind has."""


def _check_table(content: bytes) -> None:
    """Raise ValueError for a table that says to be larger than its bytes."""
    kind, inputs, outputs = content[:4], *content[8:10].ljust(2, b"\0")
    if kind in {b"mft1", b"mft2"}:
        entries = content[10] ** inputs * outputs * int(kind[3:4]) if len(content) > 10 else 0
        room = len(content)
    elif kind in {b"mAB ", b"mBA "}:
        start = int.from_bytes(content[24:28], "big")
        if not start:
            return
        grid, width = content[start : start + inputs], content[start + 16 : start + 17]
        if len(grid) < inputs or not width:
            raise ValueError("a table beyond the end")
        entries, room = math.prod(grid) * outputs * width[0], len(content) - start
    else:
        raise ValueError("a table of no known kind")
    if inputs > 4 or outputs > 4 or entries > room:
        raise ValueError("a table that is larger than its bytes")


D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_NUMBERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_CURVE = struct.pack(">4s4xHxx5l", b"para", 3, *(round(each * FIXED) for each in SRGB_NUMBERS))


def _adapted(primaries: NDArray[np.float64], white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what linear RGB is multiplied by for XYZ, where white is D50 (Bradford)."""
    columns = np.column_stack([_of_xy(*each) for each in primaries])
    source = _of_xy(*white)
    matrix = columns * np.linalg.solve(columns, source)
    scale = (BRADFORD @ D50) / (BRADFORD @ source)
    adaptation = np.linalg.solve(BRADFORD, scale[:, np.newaxis] * BRADFORD)
    adapted: NDArray[np.float64] = adaptation @ matrix
    return adapted


def _of_xy(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _xyz_tag(xyz: NDArray[np.float64]) -> bytes:
    return struct.pack(">4s4x3l", b"XYZ ", *_fixed(xyz))


def _fixed(numbers: NDArray[np.float64]) -> list[int]:
    return [round(float(each) * FIXED) for each in numbers]
