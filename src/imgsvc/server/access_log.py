"""A line of the log for each call."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from imgsvc.server.call import CACHE, COMPUTE, DECODE, ENCODE, QUEUE, RECEIVE, SEND, TOTAL
from imgsvc.server.logs import text_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgsvc.server.call import Work
    from imgsvc.server.logs import LineLog

log = logging.getLogger("imgsvc.server")

__all__ = ["AccessLog"]

MILLISECONDS = {
    stage: f"{stage}_ms" for stage in (QUEUE, RECEIVE, CACHE, DECODE, COMPUTE, ENCODE, SEND, TOTAL)
}

LEVELS = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}


class AccessLog:
    """Writes a line for each call, or only for those that are refused or fail.

    Parameters
    ----------
    every
        Whether also for those that go well, at level info.
    lines
        Where to; None for the logger of the process that the server is a part of.
    """

    def __init__(self, *, every: bool, lines: LineLog | None = None) -> None:
        self._every = every
        self._lines = lines

    def observe(self, records: Sequence[Work]) -> None:
        """Write those of some calls."""
        lines = self._lines
        level = log.getEffectiveLevel() if lines is None else lines.level
        least = level if self._every else max(level, logging.WARNING)
        chosen = [record for record in records if _level(record) >= least]
        if lines is None:
            for record in chosen:
                log.log(_level(record), "%s", text_message(_event(record)))
        elif chosen:
            since = time.time() - time.monotonic()  # what the wall clock says beyond the monotonic one
            lines.write(
                {
                    "timestamp": lines.time(since + record.ended),
                    "level": LEVELS[_level(record)],
                    "logger": log.name,
                    **_event(record),
                }
                for record in chosen
            )

    def close(self) -> None:
        """Do nothing: nothing is kept back."""


def _level(record: Work) -> int:
    if record.code == "OK":
        return logging.INFO
    return logging.ERROR if record.exception else logging.WARNING


def _event(record: Work) -> dict[str, Any]:
    """Return what there is to say of a call; what does not apply to it is left out."""
    event: dict[str, Any] = {
        "event": "call",
        "method": record.method,
        "peer": unquote(record.peer) if "%" in record.peer else record.peer,
        "id": record.id,
    }
    if record.stream is not None:
        event["item"] = record.item
    if record.caller:
        event["caller"] = record.caller
    event["request_bytes"] = record.request_bytes
    event["answer_bytes"] = record.answer_bytes
    if record.pixels:
        event["pixels"] = record.pixels
    for stage, seconds in record.seconds().items():
        event[MILLISECONDS[stage]] = int(1e6 * seconds) / 1e3
    if record.core_seconds:
        event["core_ms"] = int(1e6 * record.core_seconds) / 1e3
    if record.cache:
        event["cache"] = record.cache
    if record.trace_id:
        event["trace_id"] = record.trace_id
    if record.captured:
        event["captured"] = record.captured
    event["status"] = record.code
    if record.code != "OK":
        if record.error_id:
            event["error_id"] = record.error_id
        event["field"], event["value"], event["details"] = record.field, record.value, record.details
        if record.exception:
            event["exception"] = record.exception
    return event
