"""What the log says of calls."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgsvc.server.record import Record

log = logging.getLogger("imgsvc.server")

__all__ = ["FailureLog"]


class FailureLog:
    """Writes a line for each refused or failed call."""

    def observe(self, records: Sequence[Record]) -> None:
        """Write those of some calls."""
        for record in records:
            if record.code != "OK":
                log.log(logging.ERROR if record.trace else logging.WARNING, "%s", _line(record))

    def close(self) -> None:
        """Do nothing: each line is written at once."""


def _line(record: Record) -> str:
    where = f"{_printable(record.method)} peer={_printable(unquote(record.peer))}"
    what = f"status={record.code} field={record.field} value={record.value}: {record.details}"
    line = f"{where} {_printable(what)}"
    return f"{line}\n{record.trace}" if record.trace else line


def _printable(text: str) -> str:
    """Return a text from outside without line ends and control characters, which could forge other lines."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
