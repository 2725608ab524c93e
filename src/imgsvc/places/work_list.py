"""Lists of work: the images of a batch by name, and what their results are called."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._files import failure_of
from imgsvc.errors import ConfigurationError, shown
from imgsvc.places.names import fault_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["read_work_list"]

STANDARD = "-"
HEADER = ["input", "output"]  # or the first of them alone
COLUMNS = 2


def read_work_list(path: str) -> list[tuple[str, str | None]]:
    """Return the names in a list, each with that of its result or None.

    Parameters
    ----------
    path
        Of a text with a name in each line; or, if it ends in ``.csv``, of a table of names and of what their
        results are called, which may be empty or left out. ``-`` is a text from stdin.

    Raises
    ------
    ConfigurationError
        It cannot be read, has no names, or one that is none of a file below a place.
    """
    try:
        text = sys.stdin.buffer.read() if path == STANDARD else Path(path).read_bytes()
        lines = io.StringIO(text.decode().removeprefix("\ufeff"), newline="")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--from: {path}: {failure_of(error)}") from error
    is_table = path.lower().endswith(".csv")
    rows = csv.reader(lines, strict=True) if is_table else ([line.rstrip("\r\n")] for line in lines)
    try:
        found = list(_checked(rows, path))
    except csv.Error as error:
        raise ConfigurationError(f"--from: {path}: {error}") from error
    if not found:
        raise ConfigurationError(f"--from: {path}: no names in it")
    return found


def _checked(rows: Iterable[list[str]], path: str) -> Iterator[tuple[str, str | None]]:
    is_first = True
    for number, row in enumerate(rows, 1):
        if not "".join(row).strip():
            continue
        was_first, is_first = is_first, False
        words = [each.strip().lower() for each in row]
        if was_first and words in (HEADER, HEADER[:1]):
            continue
        if was_first and sorted(words) == HEADER:
            raise ConfigurationError(
                f"--from: {path}, line {number}: {shown(','.join(row))}, expected input,output"
            )
        if len(row) > COLUMNS:
            raise ConfigurationError(f"--from: {path}, line {number}: {len(row)} columns, expected 1 or 2")
        name, output = row[0], row[1] if len(row) == COLUMNS else ""
        for each in (name, output) if output else (name,):
            if fault := fault_of(each):
                raise ConfigurationError(f"--from: {path}, line {number}: {shown(each)}: {fault}")
        yield name, output or None
