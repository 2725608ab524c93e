"""Messages of recipes ↔ recipes."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from imgsvc.codec import DecodeOptions, check_options
from imgsvc.errors import ConfigurationError, InvalidInputError, InvalidParameterError
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import MAX_OUTPUTS, RAW, Output, Recipe
from imgsvc.v1 import recipe_pb2
from imgsvc.v1.image_pb2 import Format
from imgsvc.wire.operations import enum_number, enum_word, operation_message, read_operations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imgsvc.operations import Operation
    from imgsvc.pipeline.presets import Preset
    from imgsvc.v1.operations_pb2 import Operation as OperationMessage

__all__ = ["check_presets", "read_recipe", "recipe_message"]

FORMAT = Format.DESCRIPTOR
# The depths in the words of the codec.
DEPTHS = {"eight": "8", "keep": "keep"}


def read_recipe(message: recipe_pb2.Recipe, presets: Mapping[str, Preset], field: str = "recipe") -> Recipe:
    """Return the recipe of a request, with its preset, if it names one, put in its place.

    Raises
    ------
    InvalidParameterError
        Something in it is unknown, incomplete, out of range or too much; the error names it after `field`.
    """
    pipeline: list[Operation] = []
    kind: Any  # Output checks it
    kind, quality, damaged = None, None, None
    if message.preset:
        preset = presets.get(message.preset)
        if preset is None:
            known = f"one of {', '.join(sorted(presets))}" if presets else "none: this server has no presets"
            raise InvalidParameterError(f"{field}.preset", repr(message.preset[:80]), known)
        pipeline += preset.pipeline.operations
        kind, quality = preset.format, None if preset.format == RAW else preset.quality
        damaged = preset.damaged
    pipeline += _pipeline(message.text, message.operations, field).operations
    if len(message.outputs) > MAX_OUTPUTS:
        raise InvalidParameterError(
            f"{field}.outputs", f"{len(message.outputs)} of them", f"at most {MAX_OUTPUTS}"
        )
    outputs = [
        _output(output, kind, quality, f"{field}.outputs[{index}]")
        for index, output in enumerate(message.outputs)
    ]
    decoding = _decoding(message.decoding, damaged, f"{field}.decoding")
    try:
        return Recipe(Pipeline(pipeline), tuple(outputs) or (Output(kind, quality),), decoding)
    except InvalidInputError as error:
        raise InvalidParameterError(f"{field}.{error.field}", error.value, error.expected) from error


def check_presets(presets: Mapping[str, Preset], path: str) -> None:
    """Look whether recipes can name each of the presets of a file.

    Raises
    ------
    ConfigurationError
        One says what there is not.
    """
    for name in presets:
        try:
            [output] = read_recipe(recipe_pb2.Recipe(preset=name), presets).outputs
            if output.format not in {None, RAW}:
                check_options(str(output.format), output.options)
        except InvalidInputError as error:
            *_, key = error.field.split(".")
            raise ConfigurationError(
                f"{path}: [{name}] {key}: {error.value}, expected {error.expected}"
            ) from error


def _pipeline(text: str, operations: Sequence[OperationMessage], field: str) -> Pipeline:
    try:
        from_text = Pipeline(text).operations
    except InvalidInputError as error:
        raise InvalidParameterError(f"{field}.text: {error.field}", error.value, error.expected) from error
    return Pipeline([*from_text, *read_operations(operations, f"{field}.operations")])


def _output(message: recipe_pb2.Output, preset_kind: Any, quality: int | None, field: str) -> Output:
    pipeline = _pipeline(message.text, message.operations, field)
    encoding = message.encoding
    kind: Any = enum_word(FORMAT, encoding.format, f"{field}.encoding.format") or preset_kind
    options: dict[str, Any] = {
        name: getattr(encoding, name)
        for name in ("quality", "lossless", "progressive", "effort", "max_bytes", "palette")
        if encoding.HasField(name)
    }
    if quality is not None and kind == preset_kind and not encoding.lossless:
        options.setdefault("quality", quality)
    metadata = enum_word(recipe_pb2.Metadata.DESCRIPTOR, encoding.metadata, f"{field}.encoding.metadata")
    if metadata is not None:
        options["metadata"] = metadata
    if encoding.background:
        options["background"] = tuple(encoding.background)
    try:
        return Output(kind, pipeline=pipeline, name=message.name, **options)
    except InvalidInputError as error:
        place = f"{field}.{error.field}" if error.field == "name" else f"{field}.encoding.{error.field}"
        raise InvalidParameterError(place, error.value, error.expected) from error


def _decoding(message: recipe_pb2.Decoding, damaged: str | None, field: str) -> DecodeOptions:
    options: dict[str, Any] = {} if damaged is None else {"damaged": damaged}
    for name, option, enum in (
        ("depth", "depth", recipe_pb2.Depth),
        ("colors", "color", recipe_pb2.Colors),
        ("frames", "frames", recipe_pb2.Frames),
        ("damaged", "damaged", recipe_pb2.Damaged),
    ):
        word = enum_word(enum.DESCRIPTOR, getattr(message, name), f"{field}.{name}")
        if word is not None:
            options[option] = DEPTHS[word] if name == "depth" else word
    if message.HasField("shrink_on_load"):
        options["shrink_on_load"] = message.shrink_on_load
    try:
        return DecodeOptions(**options)
    except InvalidInputError as error:  # a preset's
        raise InvalidParameterError(
            f"{field}.{error.field.removeprefix('options.')}", error.value, error.expected
        ) from error


@functools.lru_cache(maxsize=256)
def recipe_message(recipe: Recipe) -> recipe_pb2.Recipe:
    """Return a recipe as a message, which nobody changes; what has its default is left out."""
    message = recipe_pb2.Recipe(
        preset=recipe.preset,
        operations=map(operation_message, recipe.pipeline.operations),
    )
    if recipe.outputs != (Output(),):
        message.outputs.extend(map(_output_message, recipe.outputs))
    if recipe.decoding != DecodeOptions():
        message.decoding.CopyFrom(_decoding_message(recipe.decoding))
    return message


def _output_message(output: Output) -> recipe_pb2.Output:
    message = recipe_pb2.Output(
        name=output.name, operations=map(operation_message, output.pipeline.operations)
    )
    encoding = message.encoding
    encoding.format = enum_number(FORMAT, output.format)  # type: ignore[assignment]  # an enum is an int
    given = {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    for name in ("quality", "effort", "max_bytes"):
        if given[name] is not None:
            setattr(encoding, name, given[name])
    for name in ("lossless", "progressive", "palette"):
        if given[name]:
            setattr(encoding, name, True)
    if output.metadata != Output.metadata:
        number = enum_number(recipe_pb2.Metadata.DESCRIPTOR, output.metadata)
        encoding.metadata = number  # type: ignore[assignment]
    if output.background != Output.background:
        encoding.background.extend(output.background)
    return message


def _decoding_message(options: DecodeOptions) -> recipe_pb2.Decoding:
    depth = {word: name for name, word in DEPTHS.items()}[options.depth]
    return recipe_pb2.Decoding(
        depth=enum_number(recipe_pb2.Depth.DESCRIPTOR, depth),  # type: ignore[arg-type]
        colors=enum_number(recipe_pb2.Colors.DESCRIPTOR, options.color),  # type: ignore[arg-type]
        frames=enum_number(recipe_pb2.Frames.DESCRIPTOR, options.frames),  # type: ignore[arg-type]
        damaged=enum_number(recipe_pb2.Damaged.DESCRIPTOR, options.damaged),  # type: ignore[arg-type]
        **({} if options.shrink_on_load else {"shrink_on_load": False}),
    )
