"""All options of a server."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from imgsvc.config.caching import Caching
from imgsvc.config.connections import Connections
from imgsvc.config.lifecycle import Lifecycle
from imgsvc.config.limits import Limits
from imgsvc.config.listening import Listening
from imgsvc.config.observing import Observing
from imgsvc.config.overload import Overload
from imgsvc.config.requests import Requests
from imgsvc.config.security import Security
from imgsvc.config.sources import from_environment, from_file
from imgsvc.config.streams import Streams
from imgsvc.config.work import Work

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["ServerConfig"]

STREAM_ITEMS_PER_CORE = 4
"""Those that wait keep the cores busy while results are sent."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerConfig(
    Listening, Connections, Limits, Requests, Streams, Overload, Work, Security, Lifecycle, Observing, Caching
):
    """How a server listens and what it accepts. None stands for a choice that the server makes."""

    GROUPS: ClassVar[tuple[type, ...]] = (
        Listening,
        Connections,
        Limits,
        Requests,
        Streams,
        Overload,
        Work,
        Security,
        Lifecycle,
        Observing,
        Caching,
    )
    """In the order of ``--help``; the first line of each one's docstring is its title there."""

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        for group in self.GROUPS:
            check = group.__dict__.get("__post_init__")
            if check is not None:
                check(self)

    @property
    def num_stream_items(self) -> int:
        """The images of one batch stream that are under way at a time."""
        return self.max_stream_items or STREAM_ITEMS_PER_CORE * self.num_cores

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> dict[str, Any]:
        """Return the options that ``IMGSVC_CFG_…`` variables set.

        Raises
        ------
        ConfigurationError
            A variable has a value that its option cannot take, or no option of that name exists.
        """
        return from_environment(dataclasses.fields(cls), environment)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Return the options that a TOML file sets: ``max_calls = 64``, ``max_message_bytes = "64MiB"``.

        Raises
        ------
        ConfigurationError
            It cannot be read, is no TOML, or has a key or a value that is none of an option.
        """
        return from_file(dataclasses.fields(cls), path)
