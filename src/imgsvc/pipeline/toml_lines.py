"""Lines of keys in TOML, which `tomllib` does not tell."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

# A string, which may have brackets, # and lines in it; a comment; what means nothing here; or a character. Up
# to two quotes may stand before the three that end a string of several lines.
_PIECE = re.compile(
    r"""
    \"\"\"(?:\\.|[^\\])*?\"{3,5} | '''.*?'{3,5} | "(?:\\.|[^"\\])*" | '[^']*' | \#[^\n]*
    | [^"'\#\[\]{}\n]+ | .
    """,
    re.DOTALL | re.VERBOSE,
)


def line_of(text: str, *path: str) -> int:
    """Return the line, from 1, in which the key at `path` begins; `text` is TOML that has it."""
    table: tuple[str, ...] = ()
    for line, statement in _statements(text.replace("\r\n", "\n")):
        keys = tomllib.loads(statement)
        if statement.startswith("["):
            table = _keys(keys)
        elif _holds(keys, path[len(table) :]) and path[: len(table)] == table:
            return line
    raise KeyError(path)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each table's header and each key with its value, and the line that it begins in."""
    line, depth, statement, begin = 1, 0, "", 1
    for match in _PIECE.finditer(text + "\n"):
        piece = match[0]
        depth += (piece in "[{") - (piece in "]}")
        if piece == "\n" and not depth:
            if statement:
                yield begin, statement
            statement = ""
        elif statement or not (piece.isspace() or piece.startswith("#")):
            begin = begin if statement else line
            statement += piece
        line += piece.count("\n")


def _keys(header: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of a header's tables, each in the one before."""
    ((name, inner),) = header.items()
    return (name, *_keys(inner)) if isinstance(inner, dict) and inner else (name,)


def _holds(table: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(table, dict) or name not in table:
            return False
        table = table[name]
    return bool(path)
