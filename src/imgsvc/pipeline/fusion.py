"""Fewer operations that give the same bytes: what follows one another done in one, where that is less work.

Lookups become one lookup, turns and mirror images one of the eight orientations, rectangles of rectangles one
rectangle; and what would only copy is left out.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from imgsvc.operations import (
    BoxBlur,
    Convert,
    Crop,
    Flatten,
    Flip,
    Letterbox,
    Lut,
    Operation,
    Pad,
    Resize,
    Rotate90,
    Saturation,
    Transpose,
)
from imgsvc.operations.pixels import ColourTable
from imgsvc.operations.scratch import channels_of
from imgsvc.operations.tables import IDENTITY, SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from imgsvc._images import Shape


def fused(operations: Sequence[Operation], shape: Shape, dtype: np.dtype[Any]) -> tuple[Operation, ...]:
    """Return operations that do to an image of `shape` and `dtype` what `operations` do, at no higher cost.

    There may be none left, if all they do is to copy. Each of `operations` can be applied to what it gets.
    """
    before: tuple[Operation, ...] = ()
    after = tuple(operations)
    while before != after:  # what is left out brings its neighbours together
        before, after = after, _fused_once(after, shape, dtype)
    return after


def _fused_once(operations: Sequence[Operation], shape: Shape, dtype: np.dtype[Any]) -> tuple[Operation, ...]:
    result: list[Operation] = []
    for family, run in itertools.groupby(_with_images(operations, shape, dtype), lambda item: _family(*item)):
        items = list(run)
        several, shape = [operation for operation, _, _ in items], items[0][1]
        if family == "table":
            result += _lookups(several, shape)
        elif family == "orientation":
            result += _orientation(several)
        elif family == "crop":
            result += _crop(several, shape)
        elif family != "copy":
            result += several
    return tuple(result)


def _with_images(
    operations: Sequence[Operation], shape: Shape, dtype: np.dtype[Any]
) -> list[tuple[Operation, Shape, np.dtype[Any]]]:
    """Return each operation with the shape and the dtype of the image that it gets."""
    items = []
    for operation in operations:
        items.append((operation, shape, dtype))
        shape, dtype = operation.output_shape(shape), operation.output_dtype(dtype)
    return items


def _family(operation: Operation, shape: Shape, dtype: np.dtype[Any]) -> str:
    """Return what the operation may be done together with."""
    if _copies(operation, shape, dtype):
        return "copy"
    match operation:
        case Rotate90() | Flip() | Transpose():
            return "orientation"
        case Crop() if not operation.looks:
            return "crop"
    return "other" if operation.lookup_table(channels_of(shape)) is None else "table"


def _copies(operation: Operation, shape: Shape, dtype: np.dtype[Any]) -> bool:
    """Return whether the result of an operation, but for turns, is the image."""
    match operation:
        case BoxBlur(radius=0) | Pad(left=0, top=0, right=0, bottom=0):
            return True
        case Crop() | Flatten() | Letterbox() | Resize():
            return operation.output_shape(shape) == shape
        case Convert():
            return operation.output_dtype(dtype) == dtype
        case Saturation():
            return operation.amount == 1 or channels_of(shape) == 1
    return False


def _lookups(operations: list[Operation], shape: Shape) -> list[Operation]:
    """Return the cheapest way to cut a run of lookups into parts that are done as one each."""
    channels = channels_of(shape)
    tables = [operation.lookup_table(channels) or b"" for operation in operations]
    best: list[tuple[int, list[Operation]]] = [(0, [])]  # for so many of them
    for end in range(1, len(operations) + 1):
        candidates = []
        rows = IDENTITY * channels
        for start in range(end - 1, -1, -1):
            rows = _then(tables[start], rows)
            ways = [[operations[start]]] if start == end - 1 else []
            ways.append(_lookup(rows, channels))
            cost, steps = best[start]
            candidates += [(cost + sum(each.cost(shape) for each in way), steps + way) for way in ways]
        best.append(min(candidates, key=lambda candidate: (candidate[0], len(candidate[1]))))
    return best[-1][1]


def _then(first: bytes, second: bytes) -> bytes:
    """Return the table that looks up in `second` what `first` gives, row by row."""
    starts = range(0, len(first), SIZE)
    return b"".join(first[at : at + SIZE].translate(second[at : at + SIZE]) for at in starts)


def _lookup(rows: bytes, channels: int) -> list[Operation]:
    """Return what does the rows of a table to an image of so many channels: one operation, or none."""
    row = rows[:SIZE]
    if rows == IDENTITY * channels:
        return []
    if rows == row * channels:
        return [Lut(row)]
    colours = ColourTable(row)
    return [colours if rows == colours.lookup_table(channels) else Lut(rows)]


def _orientation(operations: list[Operation]) -> list[Operation]:
    """Return one of the eight orientations: a turn, a mirror image, or one and then the other."""
    mirrored, turns = False, 0
    for operation in operations:
        match operation:
            case Rotate90():
                turns += operation.turns
            case Flip():
                # A mirror image after turns is one before as many turns the other way; upside down is left to
                # right and two turns.
                mirrored, turns = not mirrored, (0 if operation.axis else 2) - turns
            case Transpose():
                mirrored, turns = not mirrored, 1 - turns
    turns %= 4
    if mirrored and turns in (1, 2):
        return [Transpose() if turns == 1 else Flip(0)]
    return [*([Flip(1)] if mirrored else []), *([Rotate90(turns)] if turns else [])]


def _crop(operations: list[Operation], shape: Shape) -> list[Operation]:
    left = top = 0
    for operation in operations:
        if isinstance(operation, Crop):
            row, column = operation.corner(shape)
            left, top, shape = left + column, top + row, operation.output_shape(shape)
    return [Crop(left, top, shape[1], shape[0])]
