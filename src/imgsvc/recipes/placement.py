"""Where an image is in what was made of it."""

from __future__ import annotations

import dataclasses
import functools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.affine import IDENTITY, scaled, then

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from imgsvc.operations.affine import Affine
    from imgsvc.pipeline import Plan
    from imgsvc.recipes.planning import RecipePlan

__all__ = ["Placement", "placement_in"]

COORDINATES = 2


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where the image that came in is in the one that came out.

    Points are (x, y) in pixels, to the right and down from an image's upper left corner: the centre of the
    first pixel is at (0.5, 0.5), and boxes are from edge to edge.

    Attributes
    ----------
    source_width, source_height : int
        The size of the image that came in, upright.
    matrix : tuple of float
        Six numbers a to f: the point (x, y) is at ``(a x + b y + c, d x + e y + f)`` in the result.
    """

    source_width: int
    source_height: int
    matrix: Affine = IDENTITY

    @property
    def scale(self) -> tuple[float, float]:
        """How many pixels of the result one column and one row of the image have become."""
        a, b, _, d, e, _ = self.matrix
        return float(np.hypot(a, d)), float(np.hypot(b, e))

    @property
    def offset(self) -> tuple[float, float]:
        """Where the image's upper left corner is in the result, (x, y)."""
        return self.matrix[2], self.matrix[5]

    def to_result(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return where points of the image that came in are in the result.

        Parameters
        ----------
        points : array of shape (..., 2)
            Each (x, y). A box is two of them: ``boxes.reshape(-1, 2, 2)``.

        Raises
        ------
        InvalidParameterError
            `points` are no such array.
        """
        return _mapped(points, self.matrix)

    def to_source(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return where points of the result are in the image that came in; as `to_result`.

        Raises
        ------
        InvalidParameterError
            As there, or a matrix has made a line or a point of the image.
        """
        return _mapped(points, self._inverse)

    @functools.cached_property
    def _inverse(self) -> Affine:
        try:
            a, b, c, d, e, f = map(Fraction, self.matrix)
            area = a * e - b * d  # of a pixel
            return (
                float(e / area), float(-b / area), float((b * f - c * e) / area),
                float(-d / area), float(a / area), float((c * d - a * f) / area),
            )  # fmt: skip
        except (ArithmeticError, ValueError):
            raise InvalidParameterError("matrix", shown(self.matrix), "one that can be inverted") from None


def placement_in(plan: RecipePlan, steps: Plan) -> Placement | None:
    """Return where the image is in an output that `steps` make; None where each pixel is where it was."""
    whole = plan.input
    upright = whole.shape[:2] if whole.header is None else (whole.header.height, whole.header.width)
    matrix = IDENTITY if upright == whole.shape[:2] else scaled(upright, whole.shape)
    if plan.trunk is not None:
        matrix = then(matrix, plan.trunk.mapping)
    matrix = then(matrix, steps.mapping)
    if matrix == IDENTITY and upright == steps.shape[:2]:
        return None
    return Placement(upright[1], upright[0], matrix)


def _mapped(points: ArrayLike, matrix: Affine) -> NDArray[np.float64]:
    try:
        array: NDArray[Any] = np.asarray(points, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape[-1:] != (COORDINATES,):
        raise InvalidParameterError("points", shown(points), "an array of shape (..., 2), each (x, y)")
    rows = np.array(matrix).reshape(2, 3)
    mapped: NDArray[np.float64] = array @ rows[:, :2].T + rows[:, 2]
    return mapped
