"""``imgsvc-client operations``: what pipelines are made of, as this installation has it, without a server."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imgsvc.client.commands.program import (
    add_output_options,
    command_parser,
    printable,
    run_command,
    show_json,
)
from imgsvc.pipeline.catalog import catalog, entry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from imgsvc.pipeline.catalog import Entry, Parameter

DESCRIPTION = """\
List the operations of pipelines, or show one with its parameters, what these may be, and examples. It needs
no server, and shows what is installed here; `imgsvc-client info` asks a server."""


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    parser = command_parser("operations", DESCRIPTION, ["", "resize", "--json"])
    parser.add_argument("name", nargs="?", metavar="NAME", help="an operation, or another name of one")
    add_output_options(parser)
    return run_command(run, parser.parse_args(argv))


def run(args: argparse.Namespace) -> int:
    """Show them."""
    entries = catalog() if args.name is None else (entry(args.name),)
    if args.json:
        show_json([dataclasses.asdict(each) for each in entries])
        return 0
    lines = _overview(entries) if args.name is None else _details(entries[0])
    for line in lines:
        print(printable(line))
    return 0


def _overview(entries: Sequence[Entry]) -> Iterator[str]:
    for each in entries:
        yield f"{each.name} {' '.join(map(_usage, each.parameters))}".rstrip()
        yield f"    {each.summary}{_other_names(each)}"
    yield ""
    yield "imgsvc-client operations NAME shows what the parameters may be, and examples."


def _details(each: Entry) -> Iterator[str]:
    yield f"{each.name}: {each.summary}{_other_names(each)}"
    for parameter in each.parameters:
        default = "needed" if parameter.required else f"default: {parameter.default or 'none'}"
        yield f"  {parameter.name:10} {parameter.expected or parameter.type} ({default})"
    for example in each.examples:
        yield f'  imgsvc-client IN OUT --pipeline "{example}"'


def _usage(parameter: Parameter) -> str:
    if parameter.required:
        return f"{parameter.name}=…"
    return f"[{parameter.name}={parameter.default or '…'}]"


def _other_names(each: Entry) -> str:
    return f"; also called {', '.join(each.aliases)}" if each.aliases else ""
