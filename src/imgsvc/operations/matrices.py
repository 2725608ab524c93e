"""Matrices as parameters: rows of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.errors import InvalidParameterError, shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Matrix", "checked_matrix"]

Matrix = tuple[tuple[float, ...], ...]


def checked_matrix(
    field: str,
    value: Any,
    fits: Callable[[int, int], bool],
    sizes: str,
    largest: float,
) -> Matrix:
    """Return a matrix as a tuple of rows, if its numbers of rows and columns `fits`; `sizes` says which do.

    There are no complex ones, which would lose a part, and no texts.

    Raises
    ------
    InvalidParameterError
        It is no matrix of finite numbers, of another size, or one of them is beyond `largest`.
    """
    try:
        matrix = np.asarray(value)
        matrix = np.asarray(matrix, np.float64) if matrix.dtype.kind in "biuf" else np.empty(0)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    if matrix.ndim != 2 or matrix.size == 0 or not fits(*matrix.shape):
        got = f"an array of shape {np.shape(value)}" if isinstance(value, np.ndarray) else shown(value)
        raise InvalidParameterError(field, got, f"a matrix of numbers, {sizes}")
    if not (np.abs(matrix) <= largest).all():  # nor is NaN
        row, column = map(int, np.argwhere(~(np.abs(matrix) <= largest))[0])
        raise InvalidParameterError(
            f"{field}[{row}][{column}]", matrix[row, column], f"a number from {-largest:g} to {largest:g}"
        )
    return tuple(map(tuple, matrix.tolist()))
