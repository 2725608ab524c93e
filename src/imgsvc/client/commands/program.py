"""How each command runs: its exit codes, what it says, and where."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from imgsvc._options import EXIT_USAGE, OneLineParser
from imgsvc._process import EXIT_INTERRUPTED
from imgsvc.client.commands.reaching import reaching_advice
from imgsvc.errors import (
    ClusterError,
    ConfigurationError,
    ImageReadError,
    ImageWriteError,
    ImgsvcError,
    InvalidImageError,
    InvalidParameterError,
    ServiceError,
    ServiceTimeoutError,
    ServiceUnavailableError,
    StoreAccessError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "EXIT_CODES_TEXT",
    "EXIT_INPUT",
    "EXIT_OUTPUT",
    "EXIT_SOME_FAILED",
    "EXIT_UNAVAILABLE",
    "add_output_options",
    "advice",
    "command_parser",
    "is_terminal",
    "run_command",
    "say",
    "show_json",
    "told",
]

EXIT_UNFORESEEN = 1
EXIT_INPUT = 3
EXIT_OUTPUT = 4
EXIT_UNAVAILABLE = 5
EXIT_REFUSED = 6
EXIT_TIMEOUT = 7
EXIT_SOME_FAILED = 8

EXIT_CODES: tuple[tuple[type[ImgsvcError], int], ...] = (
    (ConfigurationError, EXIT_USAGE),
    (InvalidParameterError, EXIT_USAGE),
    (InvalidImageError, EXIT_INPUT),
    (ImageReadError, EXIT_INPUT),
    (ImageWriteError, EXIT_OUTPUT),
    (StoreAccessError, EXIT_REFUSED),
    (ClusterError, EXIT_UNAVAILABLE),
    (ServiceUnavailableError, EXIT_UNAVAILABLE),
    (ServiceTimeoutError, EXIT_TIMEOUT),
    (ServiceError, EXIT_REFUSED),
)

CONTROL = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON leaves as it is, and terminals take for orders, for another direction, or not at all."""

EXIT_CODES_TEXT = f"""\
exit codes:
  0 done   2 usage   {EXIT_INPUT} input cannot be read   {EXIT_OUTPUT} output cannot be written
  {EXIT_UNAVAILABLE} no server, or a busy one   {EXIT_REFUSED} request refused   {EXIT_TIMEOUT} timeout
  {EXIT_SOME_FAILED} some images of several failed   {EXIT_UNFORESEEN} anything else
  {EXIT_INTERRUPTED} interrupted
"""


def run_command(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run what a checked command line asks for; return the exit code, and say what went wrong."""
    logging.basicConfig(level=logging.DEBUG if args.debug else logging.CRITICAL)
    try:
        return run(args)
    except KeyboardInterrupt as error:
        code, text = told(error)
        say(text)
        return code
    except BrokenPipeError:  # whoever read the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OUTPUT
    except Exception as error:
        if args.debug:
            raise
        code, text = told(error)
        say(text)
        if getattr(args, "json", False):
            show_json({"error": text, "exit_code": code})
        return code


def told(error: BaseException) -> tuple[int, str]:
    """Return the exit code of an error, and what to say of it."""
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED, "interrupted"
    if not isinstance(error, ImgsvcError):
        return EXIT_UNFORESEEN, f"{type(error).__name__}: {error} (--debug shows where)"
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), EXIT_UNFORESEEN)
    return code, f"{error}{advice(error)}"


def advice(error: ImgsvcError) -> str:
    """Return what to do next, where the error does not say it."""
    if isinstance(error, ServiceTimeoutError):
        return "; allow more with --timeout, or send a smaller image"
    return reaching_advice(error) if isinstance(error, ServiceError) else ""


def printable(text: str) -> str:
    """Return a line as a terminal may have it: what names of files say to terminals is shown, not done."""
    return "".join([each if each.isprintable() else each.encode("unicode_escape").decode() for each in text])


def say(text: str) -> None:
    """Write a line to stderr."""
    print(f"imgsvc-client: {printable(text)}", file=sys.stderr)


def show_json(document: Any) -> None:
    """Write the one document of a command to stdout."""
    text = json.dumps(document, ensure_ascii=False)
    print(CONTROL.sub(lambda each: f"\\u{ord(each[0]):04x}", text))


def is_terminal(stream: Any) -> bool:
    """Return whether people read a stream, and in colour, unless they say otherwise (NO_COLOR)."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")


def command_parser(name: str, description: str, examples: Sequence[str]) -> OneLineParser:
    """Return the parser of a command, without options yet."""
    lines = "\n".join(f"  imgsvc-client {name} {example}".rstrip() for example in examples)
    return OneLineParser(
        prog=f"imgsvc-client {name}",
        description=description,
        epilog=f"examples:\n{lines}\n\n{EXIT_CODES_TEXT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is said, and how."""
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    parser.add_argument("--debug", action="store_true", help="show tracebacks and the log")
