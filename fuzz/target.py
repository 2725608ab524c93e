"""What a target is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

__all__ = ["Target"]


@dataclasses.dataclass(frozen=True)
class Target:
    """A place where bytes come in.

    Attributes
    ----------
    name
        What ``ci/fuzz`` calls it.
    check
        Raises something if these bytes show a fault.
    seeds
        Makes good inputs to begin with.
    largest
        Bytes of an input, at most.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    largest: int = 4096
