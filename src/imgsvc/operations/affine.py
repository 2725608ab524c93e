"""Where points of an image are in a result: affine maps of the plane.

Points are (x, y) in pixels, to the right and down from the image's upper left corner, so that the centre of
the first pixel is at (0.5, 0.5). A map is a, b, c, d, e, f: ``(a x + b y + c, d x + e y + f)``.
"""

from __future__ import annotations

__all__ = ["IDENTITY", "Affine", "scaled", "shifted", "then"]

Affine = tuple[float, float, float, float, float, float]

IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def shifted(columns: float, rows: float) -> Affine:
    """Return the map that shifts to the right and down."""
    return (1.0, 0.0, float(columns), 0.0, 1.0, float(rows))


def scaled(source: tuple[int, ...], size: tuple[int, ...], offset: tuple[int, int] = (0, 0)) -> Affine:
    """Return the map for an image that gets another size and begins somewhere; all are (rows, columns)."""
    return (size[1] / source[1], 0.0, float(offset[1]), 0.0, size[0] / source[0], float(offset[0]))


def then(first: Affine, second: Affine) -> Affine:
    """Return the map that does one, and then the other."""
    if first == IDENTITY:
        return second
    (a, b, c, d, e, f), (p, q, r, s, t, u) = first, second
    return (
        p * a + q * d, p * b + q * e, p * c + q * f + r,
        s * a + t * d, s * b + t * e, s * c + t * f + u,
    )  # fmt: skip
