"""``imgsvc-client plan``: what a pipeline would do with an image, and what it would cost."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.files import read_input
from imgsvc.client.commands.program import (
    add_output_options,
    command_parser,
    printable,
    run_command,
    show_json,
)
from imgsvc.client.commands.work import add_work_options, work_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from imgsvc.client.reports import ImageReport, PlanReport

DESCRIPTION = "Say what a pipeline would do with an image, how long it would take, and whether it is allowed."


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    examples = ['photo.jpg --pipeline "resize width=800"', "photo.jpg --preset thumbnail --json"]
    parser = command_parser("plan", DESCRIPTION, examples)
    parser.add_argument(
        "input", type=Path, metavar="INPUT", help="image file, whose beginning is sent; - is stdin"
    )
    add_work_options(parser)
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    return run_command(run, args)


def run(args: argparse.Namespace) -> int:
    """Ask, and show it."""
    work = work_of(args)
    with connect(args) as client:
        report = client.plan(
            read_input(args.input),
            work.pipeline,
            output=work.output(),
            preset=work.preset,
            decoding=work.decoding(),
        )
    if args.json:
        show_json(_document(report))
    else:
        for line in _lines(args.input, report):
            print(printable(line))
    return 0


def _document(report: PlanReport) -> dict[str, Any]:
    outputs = [
        {
            "name": output.name,
            "image": None if output.image is None else dataclasses.asdict(output.image),
            "cost_ms": output.cost_ms,
            "at_most": output.at_most,
            "error": None if output.error is None else str(output.error),
        }
        for output in report.outputs
    ]
    return {
        "input": dataclasses.asdict(report.input),
        "outputs": outputs,
        "cost_ms": report.cost_ms,
        "bytes": report.num_bytes,
        "broken_limits": [dataclasses.asdict(limit) for limit in report.broken_limits],
    }


def _lines(path: Path, report: PlanReport) -> Iterator[str]:
    yield f"{path}: {_image(report.input)}"
    for output in report.outputs:
        most = "at most " if output.at_most else ""
        yield f"becomes {most}{_image(output.image) if output.image else output.error}"
    yield f"in some {report.cost_ms:.1f} ms of one core, and {report.num_bytes:,} bytes beside the request"
    for limit in report.broken_limits:
        yield f"refused: {limit.field}: {limit.value:,}, the limit is {limit.limit:,}"


def _image(image: ImageReport) -> str:
    frames = f", {image.frames} frames" if image.frames > 1 else ""
    channels = {1: "gray", 3: "RGB", 4: "RGBA"}.get(image.channels, f"{image.channels} channels")
    return f"{image.width}×{image.height} {channels} {image.dtype}, {image.format}{frames}"
