"""``imgsvc-client IN OUT --pipeline TEXT``: a pipeline on one file, or on several."""

from __future__ import annotations

import dataclasses
import glob
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsvc.client.commands.connection import connect
from imgsvc.client.commands.files import (
    STANDARD,
    check_named,
    expanded,
    file_of,
    read_input,
    result_name,
)
from imgsvc.client.commands.program import EXIT_SOME_FAILED, advice, say, show_json
from imgsvc.client.commands.variants import processed, variants_of
from imgsvc.client.commands.work import work_of
from imgsvc.codec import format_of_name
from imgsvc.errors import ImageWriteError, ImgsvcError
from imgsvc.places.folder import write_file
from imgsvc.processing.result import Result

if TYPE_CHECKING:
    import argparse

    from imgsvc.client.commands.variants import Variants
    from imgsvc.client.commands.work import Work
    from imgsvc.client.sync import Client

__all__ = ["run"]


def run(args: argparse.Namespace, before: str) -> int:
    """Send the files through a pipeline that begins with `before`, and write what comes back."""
    work, variants = work_of(args, before), variants_of(args)
    single = len(args.input) == 1 and (args.input == [STANDARD] or os.path.lexists(args.input[0]))
    inputs = [Path(args.input[0])] if single else list(expanded(args.input))
    output = Path(args.output)
    into_folder = len(inputs) > 1 or _is_folder(args.output) or (not single and _stands_for_many(args))
    if into_folder and args.output == STANDARD:
        raise ImageWriteError("-: several images do not go to stdout: give a folder")
    if variants is not None:
        if args.output == STANDARD:
            raise ImageWriteError("-: a set of widths and formats does not go to stdout: give a name")
        with connect(args) as client:
            return _sets(client, inputs, output, work, variants, into_folder=into_folder, json=args.json)
    if into_folder:
        with connect(args) as client:
            return _several(client, inputs, output, work, json=args.json)
    if args.output == STANDARD and args.json:
        raise ImageWriteError("-: with --json the image cannot go to stdout")
    kind = None if args.output == STANDARD else _checked_kind(output, work)
    with connect(args) as client:
        _one(client, inputs[0], args.output, work, kind, json=args.json)
    return 0


def _is_folder(name: str) -> bool:
    """Return whether an output is a folder, which may not be there yet."""
    return name.endswith(os.sep) or os.path.isdir(name)  # noqa: PTH112 - False where it may not look


def _stands_for_many(args: argparse.Namespace) -> bool:
    """Return whether a pattern that happens to fit one file goes to what is not named as a file."""
    no_file = args.output != STANDARD and format_of_name(args.output) is None
    return no_file and any(map(glob.has_magic, args.input))


def _checked_kind(output: Path, work: Work) -> str | None:
    """Return the format that an output's name stands for, if it may be written; in that of `work`, if any."""
    kind = check_named(output)
    if kind is not None and work.format not in {None, kind}:
        raise ImageWriteError(f"{output}: the extension is of {kind}, expected one of {work.format}")
    _check_folder(output)
    return kind


def _one(client: Client, path: Path, output: str, work: Work, kind: str | None, *, json: bool) -> None:
    result = client.process(
        read_input(path),
        work.pipeline,
        output=work.output(kind),
        preset=work.preset,
        decoding=work.decoding(),
    )
    _note(path, result)
    if output == STANDARD:
        sys.stdout.buffer.write(file_of(result))
        sys.stdout.buffer.flush()
    else:
        write_file(Path(output), file_of(result))
    if json:
        show_json([_described(path, output, result)])


def _check_folder(path: Path) -> None:
    """Raise an error where a file's folder is not there: a mistaken name makes no folders."""
    if not os.path.isdir(path.parent):  # noqa: PTH112 - False where it may not look
        raise ImageWriteError(f"{path}: there is no folder {path.parent}: create it first")


def _several(client: Client, inputs: list[Path], folder: Path, work: Work, *, json: bool) -> int:
    items = ((path, path) for path in inputs)
    done: list[dict[str, Any]] = []
    owners: dict[Path, Path] = {}
    failed = 0
    results = client.process_many(
        items, work.pipeline, output=work.output(), preset=work.preset, decoding=work.decoding(), ordered=True
    )
    for path, result in results:
        try:
            if isinstance(result, ImgsvcError):
                raise result
            target = folder / result_name(path.name, result.format)
            if owners.setdefault(target, path) != path:
                raise ImageWriteError(f"{target} is the output of {owners[target]}")
            write_file(target, file_of(result))
        except ImgsvcError as error:
            failed += 1
            done.append(_failed(path, error))
        else:
            _note(path, result)
            done.append(_described(path, str(target), result))
    if json:
        show_json(done)
    return EXIT_SOME_FAILED if failed else 0


def _sets(
    client: Client,
    inputs: list[Path],
    output: Path,
    work: Work,
    variants: Variants,
    *,
    into_folder: bool,
    json: bool,
) -> int:
    """Make a set of each file, in a call each; the first error ends it where there is one file."""
    done: list[dict[str, Any]] = []
    owners: dict[str, Path] = {}
    kind = None if into_folder else check_named(output)
    if not into_folder:
        _check_folder(output)
    for path in inputs:
        name = str(output / path.name if into_folder else output)
        try:
            data = read_input(path)
            made = processed(client, data, variants.of_file(name, data, work, client, kind), work)
        except ImgsvcError as error:
            if not into_folder:
                raise
            done.append(_failed(path, error))
            continue
        for target, result in made.items():
            try:
                if isinstance(result, ImgsvcError):
                    raise result
                if owners.setdefault(target, path) != path:
                    raise ImageWriteError(f"{target} is the output of {owners[target]}")
                write_file(Path(target), file_of(result))
            except ImgsvcError as error:
                done.append({**_failed(Path(target), error), "input": str(path), "output": target})
            else:
                _note(path, result)
                done.append(_described(path, target, result))
    if json:
        show_json(done)
    return EXIT_SOME_FAILED if any("error" in each for each in done) else 0


def _failed(path: Path, error: ImgsvcError) -> dict[str, Any]:
    say(f"{path}: {error}{advice(error)}")
    return {"input": str(path), "error": str(error)}


def _note(path: Path, result: Result) -> None:
    for note in result.notes:
        say(f"note: {path}: {note}")


def _described(path: Path, output: str, result: Result) -> dict[str, Any]:
    return {
        "input": str(path),
        "output": output,
        "format": result.format,
        "width": result.width,
        "height": result.height,
        "bytes": len(result.data or b""),
        "placement": dataclasses.asdict(result.placement),
        "notes": list(result.notes),
    }
