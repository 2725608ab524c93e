"""What streams of batches may take."""

from __future__ import annotations

import dataclasses

from imgsvc._options import integer, seconds
from imgsvc.config.option import option

__all__ = ["Streams"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Streams:
    """what batch streams may take."""

    max_streams: int = option(16, integer(1, 512), "batch streams open at a time (default: 16)", metavar="N")
    max_stream_items: int | None = option(
        None,
        integer(1, 4096),
        "images of one stream under way at a time (default: 4 a core)",
        metavar="N",
    )
    max_stream_seconds: float = option(
        3600.0,
        seconds(0.1, 86400),
        "seconds after which a stream reads no more, and is to be taken up on another (default: 3600)",
        metavar="SECONDS",
    )
