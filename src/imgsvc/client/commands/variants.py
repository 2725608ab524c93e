"""Responsive set: one image in several widths and formats, which ``--widths`` and ``--formats`` ask for."""

from __future__ import annotations

import dataclasses
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc._options import argument_type, choice, integer
from imgsvc.client.commands.option_flags import as_typed, given_options
from imgsvc.codec import (
    FORMAT_ALIASES,
    FORMATS,
    EncodeOptions,
    canonical_format,
    check_options,
    formats,
    read_header,
)
from imgsvc.errors import ConfigurationError, InvalidParameterError
from imgsvc.operations.parameters import MAX_SIDE
from imgsvc.pipeline.options import OPTIONS, OUTPUT
from imgsvc.recipes.recipe import MAX_OUTPUTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from imgsvc.client.commands.work import Work
    from imgsvc.client.sync import Client
    from imgsvc.errors import ServiceError
    from imgsvc.processing.result import Result
    from imgsvc.recipes.recipe import Output

    Made = Result | ServiceError

__all__ = ["Variants", "add_variant_options", "processed", "variants_of"]

DEEP: Mapping[int, np.dtype[Any]] = {16: np.dtype(np.uint16), 32: np.dtype(np.float32)}


@dataclasses.dataclass(frozen=True)
class Variants:
    """Widths and formats, each with each; without widths the image's own, without formats the output's."""

    widths: tuple[int, ...] = ()
    formats: tuple[str, ...] = ()

    def outputs(self, output: str, width: int, kind: str, work: Work) -> dict[str, Output]:
        """Return the outputs by the names of their files.

        Nothing is enlarged: what is wider than the image is made in the image's width, once.

        Parameters
        ----------
        output
            The name to make others of: ``small.jpg`` becomes ``small-320.avif``.
        width, kind
            The width of what the pipeline makes, and its format where none is asked for.
        work
            The options of all of them.
        """
        named = {}
        for name in self.formats or (kind,):
            options = {
                key: value
                for key, value in work.options.items()
                if not self.formats or _has(name, key, value)
            }
            own = dataclasses.replace(work, options=options)
            for each in sorted({min(asked, width) for asked in self.widths}) or (width,):
                pipeline = "" if each == width else f"resize width={each} resample=lanczos"
                file = _name(output, each if self.widths else None, name)
                named[file] = own.output_as(name, pipeline)
        return named

    def of_file(
        self, output: str, data: bytes, work: Work, client: Client | None, kind: str | None = None
    ) -> dict[str, Output]:
        """Return the same for a file; `kind` is the format where none is asked for, else that of the file.

        How wide it is its header says, or where a preset of the server's comes first, the server.

        Raises
        ------
        InvalidInputError, ServiceError
            The bytes are no image, or the pipeline cannot be applied to it.
        """
        width, own = _planned_here(data, work) if not work.preset else _planned_there(data, work, client)
        return self.outputs(output, width, work.format or kind or own, work)


def processed(client: Client, data: bytes, outputs: Mapping[str, Output], work: Work) -> dict[str, Made]:
    """Have a server make outputs of an image, in one call; return each result by the name of its file."""
    names = list(outputs)  # which may be longer than those of outputs
    numbered = {str(number): outputs[name] for number, name in enumerate(names)}
    made = client.process_outputs(
        data, work.pipeline, outputs=numbered, preset=work.preset, decoding=work.decoding()
    )
    return {names[int(number)]: result for number, result in made.items()}


def add_variant_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    group = parser.add_argument_group(
        "responsive sets, made of one decoded image and named OUT-WIDTH.EXTENSION; nothing is enlarged"
    )
    group.add_argument(
        "--widths", type=argument_type(_several(integer(1, MAX_SIDE))), metavar="N,N,...",
        help="after the pipeline, in these widths; those beyond the image's own become that, once",
    )  # fmt: skip
    group.add_argument(
        "--formats", type=argument_type(_several(choice(*FORMATS, *FORMAT_ALIASES))), metavar="NAME,NAME,...",
        help="in these formats, with the options above where a format has them",
    )  # fmt: skip


def variants_of(args: argparse.Namespace) -> Variants | None:
    """Return what a command line asks for, if that is more than one output may be.

    Raises
    ------
    ConfigurationError
        These are more than one call can have, or there is a --format, too.
    """
    if args.widths is None and args.formats is None:
        return None
    if args.formats is not None and args.format is not None:
        raise ConfigurationError(f"--formats: {','.join(args.formats)}, expected without --format")
    widths = tuple(dict.fromkeys(args.widths or ()))
    kinds = tuple(dict.fromkeys(map(canonical_format, args.formats or ())))
    number = max(1, len(widths)) * max(1, len(kinds))
    if number > MAX_OUTPUTS:
        name = "--widths" if widths else "--formats"
        raise ConfigurationError(
            f"{name}: {max(1, len(widths))} widths in {max(1, len(kinds))} formats are {number} outputs, "
            f"expected at most {MAX_OUTPUTS}"
        )
    _check_options_fit(kinds, given_options(args))
    return Variants(widths, kinds)


def _check_options_fit(kinds: tuple[str, ...], given: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for an option that none of the formats has."""
    for name, value in given.items():
        if kinds and not any(_has(kind, name, value) for kind in kinds):
            raise ConfigurationError(f"{as_typed(name, value)}, expected none for {', '.join(kinds)}")


def _has(kind: str, name: str, value: Any) -> bool:
    """Return whether a format has an option, or the option is none of formats."""
    if OPTIONS[name].of != OUTPUT or name == "format":
        return True
    try:
        check_options(kind, EncodeOptions(**{name: value}))
    except InvalidParameterError:
        return False
    return True


def _planned_here(data: bytes, work: Work) -> tuple[int, str]:
    """Return the width and the format of what a pipeline makes of a file."""
    decoding = work.decoding()
    header = read_header(data, frames="first")
    shape = (header if decoding.turns else header.as_stored()).shape
    dtype = DEEP.get(header.bits, np.dtype(np.uint8)) if decoding.depth == "keep" else np.dtype(np.uint8)
    return work.pipeline.plan(shape, dtype).shape[1], header.format


def _planned_there(data: bytes, work: Work, client: Client | None) -> tuple[int, str]:
    """Return the same, as the server that has the preset says it."""
    if client is None:
        raise ConfigurationError(
            f"--preset: {work.preset!r} is a server's: give the --presets FILE that has it"
        )
    [output] = client.plan(
        data, work.pipeline, output=work.output(), preset=work.preset, decoding=work.decoding()
    ).outputs
    if output.image is None:
        raise output.error or ConfigurationError(f"--preset: {work.preset!r} makes nothing of it")
    return output.image.width, output.image.format


def _several(parse: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """Return a parser of values with commas between them."""
    return lambda text: tuple(parse(part.strip()) for part in text.split(","))


def _name(output: str, width: int | None, kind: str) -> str:
    path = PurePosixPath(output)
    known = {extension for info in formats().values() for extension in info.extensions}
    stem = path.name.removesuffix(path.suffix) if path.suffix.lower() in known else path.name
    size = "" if width is None else f"-{width}"
    return path.with_name(f"{stem}{size}{formats()[kind].extensions[0]}").as_posix()
