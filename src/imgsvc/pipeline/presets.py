"""Presets: pipelines that have a name, with their options, and the file that they are written in."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsvc.errors import ConfigurationError, InvalidParameterError, shown
from imgsvc.pipeline.options import OPTIONS, hint
from imgsvc.pipeline.pipeline import Pipeline
from imgsvc.pipeline.toml_lines import line_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

MAX_FILE_BYTES = 1 << 20

_NAME = re.compile(r"[a-z0-9_-]{1,64}")


@dataclasses.dataclass(frozen=True)
class Preset:
    """A pipeline that has a name, what images it takes, and how its results are to be written.

    `options` are those of `imgsvc.pipeline.options`, as they are in the file: who reads and writes images
    knows what they mean.
    """

    name: str
    pipeline: Pipeline
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    description: str = ""

    @property
    def format(self) -> str | None:
        """The format that results have where nobody says another."""
        return self.options.get("format")

    @property
    def damaged(self) -> str | None:
        """What becomes of damaged files."""
        return self.options.get("damaged")


_WORDS = {str: "a string", int: "an integer", bool: "true or false", list: "a list"}
_OF_KIND: dict[str, tuple[type, ...]] = {
    "word": (str,), "integer": (int,), "bytes": (int,), "switch": (bool,), "color": (str, list, int),
}  # fmt: skip
_TYPES = {"description": (str,), **{name: _OF_KIND[option.kind] for name, option in OPTIONS.items()}}
_KEYS = ("pipeline", *_TYPES)


def load_presets(path: str | os.PathLike[str]) -> dict[str, Preset]:
    """Return the presets of a TOML file by their names.

    ::

        [thumbnail]
        pipeline = "resize width=320 resample=lanczos | sharpen amount=0.5"
        format = "webp"
        quality = 80
        description = "for lists"
        damaged = "partial"

    Only `pipeline` has to be there: a text, or a list of what `Pipeline` takes. The other keys are
    `imgsvc.pipeline.options.OPTIONS`. Names are of 1 to 64 of ``a-z 0-9 _ -``.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or something in it is none of this; in one line, with the file, the preset
        and the key, and where a pipeline is wrong the line that it begins in.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ConfigurationError(f"{path}: more than {MAX_FILE_BYTES} bytes")
        text = data.decode()
        tables = tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, or no TOML
        raise ConfigurationError(f"{path}: no TOML: {' '.join(str(error).split())}") from error
    return {name: _preset(str(path), text, name, table) for name, table in tables.items()}


def _preset(path: str, text: str, name: str, table: Any) -> Preset:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{path}: [{name}]: expected a name of 1 to 64 of a-z 0-9 _ -".replace("\n", " ")
        )
    where = f"{path}: [{name}]"
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where}: {shown(table)}, expected a table")
    for key in table:
        if key not in _KEYS:
            expected = f"{hint(key, _KEYS)}one of {', '.join(_KEYS)}"
            raise ConfigurationError(f"{where} {shown(key)}: unknown, expected {expected}")
    if "pipeline" not in table:
        raise ConfigurationError(f"{where} pipeline: missing")
    for key, kinds in _TYPES.items():
        if key in table and type(table[key]) not in kinds:
            expected = " or ".join(_WORDS[kind] for kind in kinds)
            raise ConfigurationError(f"{where} {key}: {shown(table[key])}, expected {expected}")
    try:
        pipeline = Pipeline(table["pipeline"])
    except InvalidParameterError as error:
        line = line_of(text, name, "pipeline")
        raise ConfigurationError(f"{path}, line {line}: [{name}] pipeline: {error}") from error
    options = {key: table[key] for key in OPTIONS if key in table}
    return Preset(name, pipeline, options, table.get("description", ""))
