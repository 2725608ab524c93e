"""Pipeline options: the part of a command line that says what is done with images, and what it means."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsvc._options import argument_type, text
from imgsvc.client.commands.option_flags import add_option_flags, given_options
from imgsvc.codec import DecodeOptions, canonical_format
from imgsvc.errors import ConfigurationError, InvalidParameterError
from imgsvc.pipeline import Pipeline
from imgsvc.pipeline.options import merged, of_decoding, of_output
from imgsvc.pipeline.presets import load_presets
from imgsvc.recipes.recipe import Output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

__all__ = ["Work", "add_work_options", "work_of"]


@dataclasses.dataclass(frozen=True)
class Work:
    """A pipeline, perhaps after a preset of the server's, and the options of decoding and of outputs.

    `options` are those of `imgsvc.pipeline.options` that were asked for.
    """

    pipeline: Pipeline
    preset: str = ""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def format(self) -> str | None:
        """The format that was asked for."""
        return self.options.get("format")

    def output(self, kind: str | None = None, pipeline: str = "") -> Output:
        """Return the output; `kind` is its format where none was asked for, `pipeline` what it alone gets."""
        return self.output_as(self.format or kind, pipeline)

    def output_as(self, kind: str | None, pipeline: str = "") -> Output:
        """Return the output in a format, whichever was asked for."""
        return Output(kind, pipeline=Pipeline(pipeline), **of_output(self.options))  # type: ignore[arg-type] # checked

    def decoding(self) -> DecodeOptions:
        """Return how files are decoded."""
        return DecodeOptions(**of_decoding(self.options))


def add_work_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    what = parser.add_argument_group("pipeline")
    what.add_argument(
        "--pipeline", metavar="TEXT",
        help='such as "resize width=800 | sharpen"; `imgsvc-client operations` lists what there is',
    )  # fmt: skip
    what.add_argument(
        "--preset", type=argument_type(text), metavar="NAME",
        help="a pipeline that the server knows by name; it goes before --pipeline",
    )  # fmt: skip
    what.add_argument(
        "--presets", type=Path, metavar="FILE", help="look --preset up in this TOML file instead"
    )
    add_option_flags(parser)


def work_of(args: argparse.Namespace, before: str = "") -> Work:
    """Return what the options ask for; `before` is a pipeline that goes first.

    Raises
    ------
    ConfigurationError, InvalidParameterError
        The presets' file or the pipeline is none, there is no such preset, or an option cannot be.
    """
    if args.presets is not None and args.preset is None:
        raise ConfigurationError(
            f"--presets: {args.presets}, expected with --preset, which names one of them"
        )
    given = given_options(args)
    steps = [Pipeline(each) for each in (before, args.pipeline) if each]
    if args.preset is None or args.presets is None:
        return Work(_joined(steps), args.preset or "", given)
    presets = load_presets(args.presets)
    if args.preset not in presets:
        known = ", ".join(sorted(presets)) or "none at all"
        raise ConfigurationError(f"--preset: {args.preset!r}, expected one of {args.presets}: {known}")
    preset = presets[args.preset]
    own = preset.format and canonical_format(preset.format)
    kind = given.get("format") or own
    options = {
        **merged(preset.options, given, same_format=kind == own),
        **of_decoding(preset.options),
        **of_decoding(given),
    }
    work = Work(_joined([preset.pipeline, *steps]), "", {**options, "format": kind} if kind else options)
    try:
        work.output(), work.decoding()
    except InvalidParameterError as error:
        where = f"{args.presets}: [{args.preset}] {error.field.removeprefix('options.')}"
        raise ConfigurationError(f"{where}: {error.value}, expected {error.expected}") from error
    return work


def _joined(pipelines: list[Pipeline]) -> Pipeline:
    return Pipeline([operation for pipeline in pipelines for operation in pipeline.operations])
