"""Reading options: values from the command line and the environment, checked where they come in."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, NoReturn, TypeVar

from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_USAGE = 2

T = TypeVar("T")

UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Secret(str):
    """A text that is used, and never shown: by no log, no list of options and no traceback's locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return nothing of it."""
        return "'…'"


class OneLineParser(argparse.ArgumentParser):
    """A parser that answers a wrong command line with one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with 2."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of integers from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ConfigurationError(f"{text!r}, expected an integer from {low} to {high}")
        return value

    return parse


def byte_size(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of sizes such as ``268435456`` or ``256MiB``, from `low` to `high` bytes."""

    def parse(text: str) -> int:
        number = text.strip().rstrip("BbKkMmGgIi")
        unit = text.strip()[len(number) :].upper()
        try:
            value = int(number) * UNITS[unit]
        except (ValueError, KeyError):
            value = low - 1
        if not low <= value <= high:
            raise ConfigurationError(f"{text!r}, expected {low} to {high} bytes, such as 1048576, or 1MiB")
        return value

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of durations from `low` to `high` seconds."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ConfigurationError(f"{text!r}, expected seconds from {low:g} to {high:g}")
        return value

    return parse


def ratio(high: float) -> Callable[[str], float]:
    """Return a parser of numbers from 0 to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= high:
            raise ConfigurationError(f"{text!r}, expected a number from 0 to {high:g}")
        return value

    return parse


def choice(*names: str) -> Callable[[str], str]:
    """Return a parser of one of a few names, in any case."""

    def parse(text: str) -> str:
        for name in names:
            if text.lower() == name.lower():
                return name
        raise ConfigurationError(f"{text!r}, expected one of {', '.join(names)}")

    return parse


def text(value: str) -> str:
    """Return a text as it is, unless it is empty."""
    if not value:
        raise ConfigurationError("'', expected something")
    return value


def boolean(value: str) -> bool:
    """Return what an environment variable says of a switch."""
    if value.lower() in TRUE + FALSE:
        return value.lower() in TRUE
    raise ConfigurationError(f"{value!r}, expected one of {', '.join(TRUE + FALSE)}")


def argument_type(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return `parse` with its errors as argparse wants them: it prints them after the option's name."""

    def parse_argument(value: str) -> T:
        try:
            return parse(value)
        except ConfigurationError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_argument
