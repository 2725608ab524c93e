"""What lies outside an image, for operations that look there.

For a row ``a b c d``:

============  ===============  ==========================================
border        left of it       right of it
============  ===============  ==========================================
constant      ``0 0 0``        ``0 0 0``; any colour for `pad`
replicate     ``a a a``        ``d d d``
reflect       ``c b a``        ``d c b``
reflect101    ``d c b``        ``c b a``: the edge is not repeated
wrap          ``b c d``        ``a b c``
============  ===============  ==========================================

Further out each goes on in the same way, so that any distance is defined. They are OpenCV's ``BORDER_...`` of
the same names, and ``constant``, ``edge``, ``symmetric``, ``reflect`` and ``wrap`` of `numpy.pad`.
"""

from __future__ import annotations

from typing import Literal

Border = Literal["constant", "replicate", "reflect", "reflect101", "wrap"]

BORDERS: dict[str, int] = {"constant": 0, "replicate": 1, "reflect": 2, "reflect101": 3, "wrap": 4}
"""The rules, with the numbers that the kernels know them by (``kernels/borders.pxd``)."""
