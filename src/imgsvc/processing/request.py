"""Recipes from what callers give: a pipeline, an output or several, and options of both ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from imgsvc.codec import DecodeOptions
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.pipeline import Pipeline
from imgsvc.pipeline.options import OPTIONS, hint, of_decoding, of_output
from imgsvc.recipes.recipe import Output, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgsvc.codec import Metadata, Subsampling
    from imgsvc.codec.decode_options import Color, Damaged, Depth, Frames
    from imgsvc.operations import Operation
    from imgsvc.operations.colors import Color as AnyColor
    from imgsvc.recipes.recipe import OutputFormat

    PipelineLike = Pipeline | str | Operation | Iterable[Any]

__all__ = ["DecodeKeywords", "Keywords", "make_recipe", "outputs_of"]


class DecodeKeywords(TypedDict, total=False):
    """The fields of `imgsvc.codec.DecodeOptions` as keywords."""

    depth: Depth
    color: Color
    frames: Frames
    shrink_on_load: bool
    auto_orient: bool
    damaged: Damaged | None


class Keywords(DecodeKeywords, total=False):
    """These, and the fields of `imgsvc.Output` that are about files."""

    format: OutputFormat | None
    quality: int | None
    lossless: bool
    progressive: bool
    effort: int | None
    palette: bool
    subsampling: Subsampling | None
    metadata: Metadata
    max_bytes: int | None
    background: AnyColor


def make_recipe(
    pipeline: PipelineLike | None,
    outputs: Output | OutputFormat | Mapping[str, Output | OutputFormat] | None,
    decoding: DecodeOptions | None,
    preset: str,
    options: Mapping[str, Any] | None = None,
) -> Recipe:
    """Return what a caller wants done; `options` are keywords, which go over `outputs` and `decoding`.

    Raises
    ------
    InvalidParameterError
        One of these is not what it should be.
    """
    if not isinstance(preset, str):
        raise InvalidParameterError("preset", shown(preset), "a name")
    if decoding is not None and not isinstance(decoding, DecodeOptions):
        raise InvalidParameterError("decoding", shown(decoding), "imgsvc.codec.DecodeOptions")
    steps = pipeline if isinstance(pipeline, Pipeline) else Pipeline(() if pipeline is None else pipeline)
    made = _outputs(outputs)
    if options:
        made, decoding = _with_options(made, decoding, options, several=isinstance(outputs, dict))
    return Recipe(steps, made, decoding or DecodeOptions(), preset)


def _with_options(
    outputs: tuple[Output, ...],
    decoding: DecodeOptions | None,
    options: Mapping[str, Any],
    *,
    several: bool,
) -> tuple[tuple[Output, ...], DecodeOptions]:
    for name in options:
        if name not in OPTIONS:
            expected = f"{hint(name, OPTIONS)}an option: {', '.join(OPTIONS)}"
            raise InvalidParameterError(name, shown(options[name]), expected)
    of_outputs = {**of_output(options), **{name: options[name] for name in ("format",) if name in options}}
    if several and of_outputs:
        name, value = next(iter(of_outputs.items()))
        raise InvalidParameterError(name, shown(value), "it in the imgsvc.Output that it is for")
    made = tuple(dataclasses.replace(output, **of_outputs) for output in outputs)
    try:
        return made, dataclasses.replace(decoding or DecodeOptions(), **of_decoding(options))
    except InvalidParameterError as error:
        field = error.field.removeprefix("options.")
        raise InvalidParameterError(field, error.value, error.expected) from None


def outputs_of(given: Mapping[str, Output | OutputFormat]) -> dict[str, Output | OutputFormat]:
    """Return several outputs by their names.

    Raises
    ------
    InvalidParameterError
        They are no mapping.
    """
    if not isinstance(given, Mapping):
        raise InvalidParameterError("outputs", shown(given), "a dict of formats or outputs, by their names")
    return dict(given)


def _outputs(given: object) -> tuple[Output, ...]:
    if given is None:
        return (Output(),)
    if isinstance(given, str):
        return (Output(given),)  # type: ignore[arg-type] # it is checked there
    if isinstance(given, Output):
        return (given,)
    if isinstance(given, dict) and all(isinstance(name, str) for name in given):
        return tuple(_named(name, output) for name, output in given.items())
    raise InvalidParameterError("output", shown(given), "a format, an imgsvc.Output, or a dict of these")


def _named(name: str, given: object) -> Output:
    output = Output(given) if isinstance(given, str) else given  # type: ignore[arg-type] # it is checked there
    if not isinstance(output, Output):
        raise InvalidParameterError(f"outputs[{name!r}]", shown(given), "a format or an imgsvc.Output")
    return dataclasses.replace(output, name=name)
