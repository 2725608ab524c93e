"""Which modules a server imports until it serves: whatever they are, a bare server can import them too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.service.process import Process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

IMPORT = re.compile(r"^import time: +\d+ \| +\d+ \| *(\S+)$", re.MULTILINE)
"""A line of `python -X importtime`; modules come before those that import them."""


def imported(command: Sequence[str], seconds: float, log: Path) -> list[str]:
    """Return their names, in the order in which they were ready."""
    with Process(command, {"PYTHONPROFILEIMPORTTIME": "1"}, log) as process:
        process.read_line(seconds)
        text = log.read_text("utf-8", errors="replace")
    return [name for name in IMPORT.findall(text) if name != "__main__"]
