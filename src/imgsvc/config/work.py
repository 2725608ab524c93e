"""How a server does its work."""

from __future__ import annotations

import dataclasses

from imgsvc._available_cores import available_cores
from imgsvc._options import boolean, choice, integer, text
from imgsvc._threads import MAX_THREADS
from imgsvc.config.option import option

__all__ = ["Work"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """how it works."""

    max_workers: int | None = option(
        None,
        integer(1, 1024),
        "image calls received or computed at a time (default: 4 a core, at least 16)",
        metavar="N",
    )
    cores: int | None = option(
        None,
        integer(1, MAX_THREADS),
        "cores to compute on (default: those of its affinity mask and CPU quota)",
        metavar="N",
    )
    presets: str | None = option(
        None, text, "TOML file with named pipelines for requests to choose from", metavar="FILE"
    )
    compression: str = option(
        "none",
        choice("none", "gzip", "deflate"),
        "compress answers: none, gzip or deflate (default: none)",
        metavar="NAME",
    )
    null_image_errors: bool = option(
        False, boolean, "answer bad input with a 0×0 image that holds the message, as old clients expect"
    )
    log_level: str = option(
        "info",
        choice("debug", "info", "warning", "error", "critical"),
        "debug, info, warning, error or critical (default: info)",
        metavar="LEVEL",
    )

    @property
    def num_cores(self) -> int:
        """The cores to compute on."""
        return self.cores or min(available_cores(), MAX_THREADS)

    @property
    def num_workers(self) -> int:
        """The number of threads that receive and answer image calls: most of them wait for bytes."""
        return self.max_workers or max(16, 4 * self.num_cores)
