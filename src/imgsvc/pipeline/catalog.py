"""Catalogue of operations: what each does, its parameters and what they may be, examples, other names."""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
from typing import Any, Literal, get_origin

from imgsvc.errors import InvalidParameterError
from imgsvc.operations import OPERATIONS, Operation
from imgsvc.pipeline.description import check_operation_name
from imgsvc.pipeline.pipeline import Pipeline
from imgsvc.pipeline.text import ALIASES, value_text

__all__ = ["Entry", "Parameter", "catalog", "entry"]

EXAMPLES = {
    "adjust": ["adjust brightness=10 contrast=1.2"],
    "box_blur": ["box_blur 3"],
    "color_matrix": ["color_matrix [[0.393,0.769,0.189],[0.349,0.686,0.168],[0.272,0.534,0.131]]"],
    "convert": ["convert uint16"],
    "convolve": ["convolve [[-1,0,1],[-2,0,2],[-1,0,1]] bias=128"],
    "crop": [
        "crop 32x32",
        "crop 32x24 north",
        "crop 24x24 attention",
        "crop left=8 top=4 width=32 height=24",
    ],
    "flatten": ["flatten background=ivory"],
    "flip": ["flip horizontal", "flip axis=0"],
    "gamma": ["gamma 0.8"],
    "gaussian_blur": ["gaussian_blur sigma=2.5 border=replicate"],
    "grayscale": ["grayscale"],
    "invert": ["invert"],
    "letterbox": ["letterbox 640x640", "letterbox 640x480 northwest fill=black"],
    "lut": [f"lut [{','.join(str(255 - value) for value in range(256))}]"],
    "mean_filter": ["mean_filter"],
    "pad": ["pad left=8 right=8 fill=white", "pad top=4 bottom=4 border=reflect"],
    "resize": [
        "resize 320x",
        "resize 50%",
        "resize 800x600 cover",
        "resize 800x600 cover attention",
        "resize 800x600 contain background=white",
        "resize width=800 height=600 fit=cover position=[0.5,0.2] resample=lanczos",
    ],
    "rotate": ["rotate 90", "rotate 3.5 expand=false fill=white"],
    "rotate90": ["rotate90 turns=1"],
    "saturation": ["saturation 1.3"],
    "sharpen": ["sharpen sigma=1.5 amount=0.5"],
    "threshold": ["threshold 128"],
    "transpose": ["transpose"],
    "trim": ["trim 20 background=white"],
    "warp_affine": ["warp_affine [[1,0.25,0],[0,1,0]] width=400 resample=bicubic"],
}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter of an operation.

    Attributes
    ----------
    name, type
        As it is in Python; one of some words is a ``str``.
    required, default
        Whether it has no default, or what that is, as text; None has none.
    expected
        What it may be, as its check says.
    """

    name: str
    type: str
    required: bool
    default: str
    expected: str


@dataclasses.dataclass(frozen=True)
class Entry:
    """An operation."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    examples: tuple[str, ...]
    aliases: tuple[str, ...]


@functools.cache
def catalog() -> tuple[Entry, ...]:
    """Return all operations, by their names."""
    return tuple(_entry(name, kind) for name, kind in sorted(OPERATIONS.items()))


def entry(name: str) -> Entry:
    """Return an operation, also by a name that texts have for it.

    Raises
    ------
    InvalidParameterError
        There is none; the error has the nearest names.
    """
    name = ALIASES.get(name, name)
    check_operation_name("operation", name)
    return _entry(name, OPERATIONS[name])


def _entry(name: str, kind: type[Operation]) -> Entry:
    aliases = [alias for alias, of in ALIASES.items() if of == name]
    summary = (kind.__doc__ or "").split("; see ")[0].split("\n")[0].rstrip(".")
    return Entry(name, summary, _parameters(kind), tuple(EXAMPLES.get(name, ())), tuple(aliases))


def _parameters(kind: type[Operation]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            field.name,
            _type(kind, field),
            field.default is dataclasses.MISSING or field.metadata.get("required", False),
            "" if field.default in {dataclasses.MISSING, None} else value_text(field.default),
            _expected(kind, field.name),
        )
        for field in dataclasses.fields(kind)
    )


def _type(kind: type, field: dataclasses.Field[Any]) -> str:
    alias = getattr(sys.modules[kind.__module__], str(field.type), None)
    if get_origin(alias) is Literal:
        return "str"
    return str(alias) if isinstance(alias, types.UnionType) else str(field.type)


def _expected(kind: type[Operation], name: str) -> str:
    """Return what a parameter may be: what its own check says of a value that is nothing of the kind."""
    example: Any = Pipeline(EXAMPLES.get(kind.name, [""])[-1]).operations
    try:
        for operation in example:
            dataclasses.replace(operation, **{name: Ellipsis})
    except InvalidParameterError as error:
        return error.expected
    return ""
