"""Where options come from beside flags: the environment, and a file."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsvc._files import failure_of
from imgsvc._options import Secret
from imgsvc.errors import ConfigurationError, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    import dataclasses
    import os
    from collections.abc import Iterable, Mapping

__all__ = ["ENVIRONMENT_PREFIX", "FILE_VARIABLE", "as_toml", "from_environment", "from_file"]

# Not IMGSVC_SERVER_: Kubernetes sets IMGSVC_SERVER_PORT to a URL beside a Service of that name.
ENVIRONMENT_PREFIX = "IMGSVC_CFG_"
FILE_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
"""Names the file, as ``--config`` does."""

MAX_FILE_BYTES = 1 << 20


def from_environment(
    fields: Iterable[dataclasses.Field[Any]], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the values of those `fields` that have a variable.

    Raises
    ------
    ConfigurationError
        A variable has a value that its option cannot take, or no option of that name exists.
    """
    options = {ENVIRONMENT_PREFIX + field.name.upper(): field for field in fields}
    values = {}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or not value:  # set to nothing is not set
            continue
        if variable == FILE_VARIABLE:
            continue
        field = _named(variable, options, variable)
        values[field.name] = _parsed(field, value, variable)
    return values


def from_file(fields: Iterable[dataclasses.Field[Any]], path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the values of those `fields` that a TOML file has as keys.

    Raises
    ------
    ConfigurationError
        It cannot be read, is no TOML, or has a key or a value that is none of an option.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigurationError(f"{path}: more than {MAX_FILE_BYTES} bytes, expected a configuration")
        given = tomllib.loads(content.decode())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {failure_of(error)}") from error
    options = {field.name: field for field in fields}
    values = {}
    for key, value in given.items():
        place = f"{path}: {key}"
        values[key] = _parsed(_named(key, options, place), _as_text(value, place), place)
    return values


def as_toml(values: Mapping[str, Any]) -> str:
    """Return options as a file has them; those that the server chooses are comments."""
    lines = []
    for name, value in values.items():
        if value is None:
            lines.append(f"# {name}: by itself")
        elif isinstance(value, Secret):
            lines.append(f"# {name}: not shown, as it holds a password")
        elif isinstance(value, str | bool):
            lines.append(f"{name} = {json.dumps(value)}")  # TOML's basic strings have JSON's escapes
        else:
            lines.append(f"{name} = {value}")
    return "".join(f"{line}\n" for line in lines)


def _named(name: str, options: Mapping[str, dataclasses.Field[Any]], place: str) -> dataclasses.Field[Any]:
    if name in options:
        return options[name]
    near = difflib.get_close_matches(name, options, 1)
    raise ConfigurationError(
        f"{place}: there is no such option{f'; did you mean {near[0]}?' if near else ''}"
    )


def _as_text(value: Any, place: str) -> str:
    """Return a value of TOML as one would write it in a flag: each option has one parser."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | str):
        return str(value)
    raise ConfigurationError(f"{place}: {shown(value)}, expected a string, a number, true or false")


def _parsed(field: dataclasses.Field[Any], value: str, place: str) -> Any:
    try:
        return field.metadata["parse"](value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from error
