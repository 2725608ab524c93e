"""The options that say what is done with images, and what they mean."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from imgsvc._options import argument_type, choice, integer, text
from imgsvc.codec import FORMATS, Damaged, DecodeOptions
from imgsvc.errors import ConfigurationError
from imgsvc.pipeline import Pipeline
from imgsvc.pipeline.presets import load_presets
from imgsvc.recipes.recipe import Output

if TYPE_CHECKING:
    import argparse

__all__ = ["Work", "add_work_options", "work_of"]


@dataclasses.dataclass(frozen=True)
class Work:
    """A pipeline, perhaps after a preset of the server's, and what else was asked for.

    That is the output's format and quality, and what becomes of damaged files.
    """

    pipeline: Pipeline
    preset: str = ""
    format: str | None = None
    quality: int | None = None
    damaged: str | None = None

    def output(self, kind: str | None = None) -> Output:
        """Return the output; `kind` is its format where none was asked for."""
        return Output(self.format or kind, quality=self.quality)  # type: ignore[arg-type] # it is checked there

    def decoding(self) -> DecodeOptions:
        """Return how files are decoded."""
        return DecodeOptions(damaged=self.damaged)  # type: ignore[arg-type] # it is checked there


def add_work_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    what = parser.add_argument_group("pipeline")
    what.add_argument(
        "--pipeline", type=argument_type(text), metavar="TEXT",
        help='such as "resize width=800 | sharpen"; `imgsvc-client info` lists the operations',
    )  # fmt: skip
    what.add_argument(
        "--preset", type=argument_type(text), metavar="NAME", help="a pipeline that the server knows by name"
    )
    what.add_argument(
        "--presets", type=Path, metavar="FILE", help="look --preset up in this TOML file instead"
    )
    what.add_argument(
        "--format", type=argument_type(choice(*FORMATS)), metavar="NAME",
        help=f"of the output: {', '.join(FORMATS)} (default: the output's extension, or else the input's)",
    )  # fmt: skip
    what.add_argument(
        "--quality", type=argument_type(integer(1, 100)), metavar="1-100", help="of JPEG, WebP and AVIF"
    )
    what.add_argument(
        "--damaged", type=argument_type(choice(*get_args(Damaged))), metavar="WHAT",
        help="what becomes of files that end too early or have damaged pixels: refuse (default), or partial, "
        "which takes what is there",
    )  # fmt: skip


def work_of(args: argparse.Namespace, before: str = "") -> Work:
    """Return what the options ask for; `before` is a pipeline that goes first.

    Raises
    ------
    ConfigurationError, InvalidParameterError
        The presets' file or the pipeline is none, or there is no such preset.
    """
    if args.presets is not None and args.preset is None:
        raise ConfigurationError(
            f"--presets: {args.presets}, expected with --preset, which names one of them"
        )
    steps = [Pipeline(each) for each in (before, args.pipeline) if each]
    if args.preset is None or args.presets is None:
        return Work(_joined(steps), args.preset or "", args.format, args.quality, args.damaged)
    presets = load_presets(args.presets)
    if args.preset not in presets:
        known = ", ".join(sorted(presets)) or "none at all"
        raise ConfigurationError(f"--preset: {args.preset!r}, expected one of {args.presets}: {known}")
    preset = presets[args.preset]
    pipeline = _joined([preset.pipeline, *steps])
    quality = preset.quality if args.format in {None, preset.format} else None
    return Work(
        pipeline, "", args.format or preset.format, args.quality or quality, args.damaged or preset.damaged
    )


def _joined(pipelines: list[Pipeline]) -> Pipeline:
    return Pipeline([operation for pipeline in pipelines for operation in pipeline.operations])
