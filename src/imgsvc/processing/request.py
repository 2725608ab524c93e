"""Recipes from what callers give: a pipeline, an output or several, and how files are decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imgsvc.codec import DecodeOptions
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import Output, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imgsvc.operations import Operation
    from imgsvc.recipes.recipe import OutputFormat

    PipelineLike = Pipeline | str | Operation | Iterable[Any]

__all__ = ["make_recipe", "outputs_of"]


def make_recipe(
    pipeline: PipelineLike | None,
    outputs: Output | OutputFormat | Mapping[str, Output | OutputFormat] | None,
    decoding: DecodeOptions | None,
    preset: str,
) -> Recipe:
    """Return what a caller wants done.

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
    return Recipe(steps, _outputs(outputs), decoding or DecodeOptions(), preset)


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
    fields = {field: getattr(output, field) for field in output.__dataclass_fields__}
    return Output(**{**fields, "name": name})
