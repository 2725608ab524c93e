"""Floors: figures to reach, which are shown always and judged where `--floors` asks for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

FIXTURE = "judge"


@dataclasses.dataclass(frozen=True)
class Judge:
    """Fails a benchmark that misses its floor, if it is `strict`."""

    strict: bool

    def __call__(self, what: str, *, met: bool) -> None:
        """Judge a figure; `what` is the line of a failure."""
        assert met or not self.strict, what


def is_judged(item: pytest.Item) -> bool:
    """Whether a benchmark has a floor."""
    return FIXTURE in getattr(item, "fixturenames", ())
