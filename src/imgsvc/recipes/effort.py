"""How much longer encoders take when more is asked of them than by default.

As it was measured with a photo of 960×720; ``pytest benchmarks/recipes --benchmark-only -k effort`` shows how
near that is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imgsvc.codec import DEFAULT_QUALITIES

if TYPE_CHECKING:
    from imgsvc.recipes.recipe import Output

__all__ = ["times_as_long"]

BY_EFFORT: dict[str, tuple[float, ...]] = {
    "jpeg": (0.8, 1.0, 1.0, 1.0, 1.0, 2.6, 2.6, 2.6, 2.6, 2.6),
    "png": (2.0, 3.9, 4.3, 4.7, 7.4, 7.4, 7.4, 7.4, 7.4, 7.4),
    "webp": (0.6, 0.6, 0.7, 1.0, 1.0, 2.2, 2.2, 2.2, 2.5, 3.6),
    "avif": (0.3, 0.3, 1.0, 2.0, 2.5, 9.3, 11.8, 24.2, 50.0, 58.0),
    "tiff": (0.06, *[1.0] * 9),
}
LOSSLESS_WEBP = (1.0, 1.0, 2.6, 5.5, 5.5, 8.5, 8.5, 8.5, 20.0, 317.0)
PROGRESSIVE_JPEG = 5.0
DEFAULT_EFFORT = 3


def times_as_long(kind: str, output: Output) -> float:
    """Return what to multiply the time of a format's encoder by for the options of an output.

    Where a file is to become small enough, as many attempts count as that can take.
    """
    effort = output.effort
    if output.progressive:
        times = PROGRESSIVE_JPEG
    elif output.lossless and kind == "webp":
        times = LOSSLESS_WEBP[DEFAULT_EFFORT if effort is None else effort]
    elif effort is not None and kind in BY_EFFORT:
        times = BY_EFFORT[kind][effort]
    else:
        times = 1.0
    if output.max_bytes is None or output.lossless or kind not in DEFAULT_QUALITIES:
        return times
    return times * (1 + math.ceil(math.log2(output.quality or DEFAULT_QUALITIES[kind])))
