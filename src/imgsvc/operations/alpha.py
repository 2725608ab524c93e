"""What alpha has to do with colours, for operations that mix neighbouring pixels.

``weighted``
    Colours count as much as they are opaque, so that what cannot be seen has no part in what can. With the
    operation's own weights w, and p = c alpha / 255 for each colour c of a pixel::

        a = sum(w alpha)
        c = sum(w p) * sum(w 255) / a, and 0 where a rounds to 0

    Where all of a window is opaque that is ``sum(w c)``, the operation of RGB, and so are its bytes: each
    operation says how it rounds. A border that is constant is opaque black.
``channel``
    Alpha is a channel like the others, and each is computed by itself.

Images of one channel or three have no alpha, and both are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from imgsvc.operations.scratch import channels_of

if TYPE_CHECKING:
    from imgsvc._images import Shape

Alpha = Literal["weighted", "channel"]

ALPHAS: dict[str, bool] = {"weighted": True, "channel": False}
"""Whether colours are weighted by it."""

RGBA = 4


def is_weighted(alpha: Alpha, shape: Shape) -> bool:
    """Return whether colours of an image of `shape` are weighted by its alpha."""
    return ALPHAS[alpha] and channels_of(shape) == RGBA


def with_alpha(routine: str, alpha: Alpha, shape: Shape) -> str:
    """Return the name of a routine for an image of `shape`: it is another where colours are weighted."""
    return f"{routine} by alpha" if is_weighted(alpha, shape) else routine
