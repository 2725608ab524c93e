"""Messages of recipes ↔ recipes."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from imgsvc.codec import DecodeOptions, canonical_format, check_options
from imgsvc.errors import ConfigurationError, InvalidInputError, InvalidParameterError
from imgsvc.operations.colors import rgb_of
from imgsvc.pipeline import Pipeline
from imgsvc.pipeline.options import merged, of_decoding
from imgsvc.recipes.recipe import MAX_OUTPUTS, OF_FILES, RAW, Output, Recipe
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
SUBSAMPLINGS = {"444": "4:4:4", "422": "4:2:2", "420": "4:2:0"}
# What Python calls other things than the messages do, or in other words.
DECODING = (
    ("depth", "depth", recipe_pb2.Depth),
    ("colors", "color", recipe_pb2.Colors),
    ("frames", "frames", recipe_pb2.Frames),
    ("damaged", "damaged", recipe_pb2.Damaged),
)
SAID = ("quality", "lossless", "progressive", "effort", "max_bytes", "palette")


def read_recipe(message: recipe_pb2.Recipe, presets: Mapping[str, Preset], field: str = "recipe") -> Recipe:
    """Return the recipe of a request, with its preset, if it names one, put in its place.

    Raises
    ------
    InvalidParameterError
        Something in it is unknown, incomplete, out of range or too much; the error names it after `field`.
    """
    pipeline: list[Operation] = []
    options: Mapping[str, Any] = {}
    if message.preset:
        preset = presets.get(message.preset)
        if preset is None:
            known = f"one of {', '.join(sorted(presets))}" if presets else "none: this server has no presets"
            raise InvalidParameterError(f"{field}.preset", repr(message.preset[:80]), known)
        pipeline += preset.pipeline.operations
        options = preset.options
    pipeline += _pipeline(message.text, message.operations, field).operations
    if len(message.outputs) > MAX_OUTPUTS:
        raise InvalidParameterError(
            f"{field}.outputs", f"{len(message.outputs)} of them", f"at most {MAX_OUTPUTS}"
        )
    outputs = [
        _output(output, options, f"{field}.outputs[{index}]") for index, output in enumerate(message.outputs)
    ]
    decoding = _decoding(message.decoding, options, f"{field}.decoding")
    try:
        usual = () if outputs else (_made(options, {}),)
        return Recipe(Pipeline(pipeline), tuple(outputs) or usual, decoding)
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


def _made(preset: Mapping[str, Any], given: Mapping[str, Any], **more: Any) -> Output:
    """Return an output with the options that are given, and else with those of a preset."""
    usual = preset.get("format") and canonical_format(preset["format"])
    kind: Any = given.get("format") or usual  # Output checks it
    options = merged(preset, given, same_format=kind == usual)
    if kind == RAW:
        options = {name: value for name, value in options.items() if name in given or name not in OF_FILES}
    return Output(kind, **more, **options)


def _output(message: recipe_pb2.Output, preset: Mapping[str, Any], field: str) -> Output:
    pipeline = _pipeline(message.text, message.operations, field)
    encoding = message.encoding
    options: dict[str, Any] = {name: getattr(encoding, name) for name in SAID if encoding.HasField(name)}
    options["format"] = enum_word(FORMAT, encoding.format, f"{field}.encoding.format")
    metadata = enum_word(recipe_pb2.Metadata.DESCRIPTOR, encoding.metadata, f"{field}.encoding.metadata")
    if metadata is not None:
        options["metadata"] = metadata
    subsampling = enum_word(
        recipe_pb2.Subsampling.DESCRIPTOR, encoding.subsampling, f"{field}.encoding.subsampling"
    )
    if subsampling is not None:
        options["subsampling"] = SUBSAMPLINGS[subsampling]
    if encoding.background:
        options["background"] = tuple(encoding.background)
    if encoding.HasField("background_color"):
        if encoding.background:
            place = f"{field}.encoding.background_color"
            raise InvalidParameterError(place, "set, as background is", "one of them")
        options["background"] = encoding.background_color
    try:
        return _made(preset, options, pipeline=pipeline, name=message.name)
    except InvalidInputError as error:
        place = f"{field}.{error.field}" if error.field == "name" else f"{field}.encoding.{error.field}"
        raise InvalidParameterError(place, error.value, error.expected) from error


def _decoding(message: recipe_pb2.Decoding, preset: Mapping[str, Any], field: str) -> DecodeOptions:
    options = of_decoding(preset)
    for name, option, enum in DECODING:
        word = enum_word(enum.DESCRIPTOR, getattr(message, name), f"{field}.{name}")
        if word is not None:
            options[option] = DEPTHS[word] if name == "depth" else word
    for name in ("shrink_on_load", "auto_orient"):
        if message.HasField(name):
            options[name] = getattr(message, name)
    try:
        return DecodeOptions(**options)
    except InvalidInputError as error:  # a preset's
        raise InvalidParameterError(
            f"{field}.{error.field.removeprefix('options.')}", error.value, error.expected
        ) from error


@functools.lru_cache(maxsize=256)
def recipe_message(recipe: Recipe) -> recipe_pb2.Recipe:
    """Return a recipe as a message, which nobody changes; what is not said is left out."""
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
    for name in SAID:
        if given[name] is not None:
            setattr(encoding, name, given[name])
    if output.subsampling is not None:
        word = output.subsampling.replace(":", "")
        encoding.subsampling = enum_number(recipe_pb2.Subsampling.DESCRIPTOR, word)  # type: ignore[assignment]
    if output.metadata is not None:
        number = enum_number(recipe_pb2.Metadata.DESCRIPTOR, output.metadata)
        encoding.metadata = number  # type: ignore[assignment]
    if output.background is not None:
        encoding.background.extend(rgb_of("background", output.background))
    return message


def _decoding_message(options: DecodeOptions) -> recipe_pb2.Decoding:
    """Return options as a message; what is not said is left out: a preset may say something."""
    message = recipe_pb2.Decoding()
    depths = {word: name for name, word in DEPTHS.items()}
    for name, option, enum in DECODING:
        word = getattr(options, option)
        if word is not None:
            setattr(message, name, enum_number(enum.DESCRIPTOR, depths[word] if name == "depth" else word))
    for name in ("shrink_on_load", "auto_orient"):
        if getattr(options, name) is not None:
            setattr(message, name, getattr(options, name))
    return message
