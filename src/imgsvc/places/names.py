"""Names of files that come from others: keys of a store, and lines of a list."""

from __future__ import annotations

import re

__all__ = ["fault_of", "says_version"]

# How drivers of stores know that what follows is a version, whatever the key.
VERSION = re.compile(r".*\?versionid=.*", re.DOTALL | re.IGNORECASE)

# On every system, so that a batch means the same on each.
FAULTS = {
    "it is empty": re.compile(r""),
    "it is absolute": re.compile(r"(/|[A-Za-z]:).*", re.DOTALL),
    "it has . or .. for a part": re.compile(r"(.*/)?\.\.?(/.*)?", re.DOTALL),
    "it has an empty part": re.compile(r".*(//.*|/)", re.DOTALL),
    "it has a backslash": re.compile(r".*\\.*", re.DOTALL),
    "it has control characters": re.compile(r".*[\x00-\x1f\x7f-\x9f].*", re.DOTALL),
    "it has ?versionId=": VERSION,
}


def fault_of(name: str) -> str | None:
    """Return why a name is none of a file below a place; None if it is one."""
    return next((fault for fault, of in FAULTS.items() if of.fullmatch(name)), None)


def says_version(url: str) -> bool:
    """Return whether drivers of stores take the end of a URL for a version."""
    return VERSION.fullmatch(url) is not None
