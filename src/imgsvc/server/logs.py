"""The log: lines of text for people, JSON for programs."""

from __future__ import annotations

import atexit
import functools
import json
import logging
import re
import sys
import time
from typing import IO, TYPE_CHECKING, Any

import structlog

from imgsvc.server.background_stream import BackgroundStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from structlog.typing import EventDict, Processor, WrappedLogger

    from imgsvc.config import ServerConfig

__all__ = ["LineLog", "set_up", "text_message"]

FIRST = ("timestamp", "level", "logger", "event", "method")
"""Of a line of text; the other fields follow, ``details`` and ``exception`` last."""

LAST = ("details", "exception")


AMBIGUOUS = re.compile('[ ="]')
"""What values have that are quoted in a line of text."""

AMBIGUOUS_FIELD = re.compile('[="]')
"""What is at fault has a few words of our own: ``field=calls in flight``."""


class LineLog:
    """Lines on a stream, one or many at a time."""

    def __init__(self, handler: logging.StreamHandler[Any], level: int, *, as_json: bool) -> None:
        self.level = level
        self._handler = handler
        self._line: Callable[[EventDict], str] = _json_line if as_json else text_line
        self.time = iso_time if as_json else local_time

    def write(self, events: Iterable[EventDict]) -> None:
        """Write a line for each; in one go, since each write to a file takes as long as to make a line."""
        lines = "".join([f"{self._line(event)}\n" for event in events])
        with self._handler.lock:  # type: ignore[union-attr]  # a handler has one
            self._handler.stream.write(lines)
            self._handler.flush()


def set_up(config: ServerConfig, stream: IO[str] | None = None) -> LineLog:
    """Send what this process logs, and Python's warnings, to stderr or a stream.

    Nobody who logs ever waits for whoever reads stderr.
    """
    chosen: IO[str] | BackgroundStream = stream or sys.stderr
    as_json = config.log_format == "json" or (
        config.log_format == "auto" and not (stream or sys.stderr).isatty()
    )
    level = logging.getLevelName(config.log_level.upper())
    if stream is None:
        chosen = BackgroundStream(sys.stderr.fileno())
        atexit.register(chosen.close)
    handler = logging.StreamHandler(chosen)
    handler.setFormatter(_formatter(as_json=as_json))
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(True)
    return LineLog(handler, level, as_json=as_json)


def text_line(event: EventDict) -> str:
    """Return a whole line, with when it was, how bad it is, and whose it is."""
    return f"{event['timestamp']} {event['level'].upper()} {event['logger']}: {text_message(event)}"


def text_message(event: EventDict) -> str:
    """Return what a person reads: nobody outside can make it look like two lines, or have other fields."""
    pairs = "".join(
        [f" {key}={_value(value, key)}" for key, value in event.items() if key not in FIRST + LAST]
    )
    subject = _value(event["method"]) if "method" in event else _printable(str(event["event"]))
    details = f": {_printable(event['details'])}" if "details" in event else ""
    line = f"{subject}{pairs}{details}"
    trace = event.get("exception")
    return f"{line}\n{_indented(trace)}" if trace else line


def iso_time(seconds: float) -> str:
    """Return a time since the epoch as programs like it: ``"2026-01-01T12:00:00.000Z"``."""
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


def local_time(seconds: float) -> str:
    """Return a time since the epoch in this place's time: ``"2026-01-01 12:00:00,000"``."""
    return f"{_local_second(int(seconds))},{int(seconds % 1 * 1000):03d}"


@functools.lru_cache(maxsize=8)  # lines come in their order
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@functools.lru_cache(maxsize=8)
def _local_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _formatter(*, as_json: bool) -> logging.Formatter:
    to_text = iso_time if as_json else local_time

    def stamp(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        record = event["_record"]
        return {
            "timestamp": to_text(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            **event,
        }

    def text(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
        return text_line(event)

    last: Processor = structlog.processors.JSONRenderer() if as_json else text
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[stamp, structlog.processors.format_exc_info],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )


_json_line = json.JSONEncoder(separators=(", ", ": "), default=str).encode


def _value(value: object, key: str = "") -> str:
    """Return a value as text, quoted where it could be taken for more than one."""
    text = str(value)
    if not text.isprintable():
        return json.dumps(text)
    ambiguous = (AMBIGUOUS_FIELD if key == "field" else AMBIGUOUS).search(text)
    return json.dumps(text, ensure_ascii=False) if ambiguous else text


def _printable(text: str) -> str:
    """Return a text without line ends and control characters, which could forge other lines."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _indented(trace: str) -> str:
    return "\n".join([f"    {_printable(line)}" for line in trace.split("\n")])
