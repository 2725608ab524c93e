"""``imgsvc-client info``: what a server is and can do."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.program import (
    add_output_options,
    command_parser,
    printable,
    run_command,
    show_json,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from imgsvc.client.reports import OperationReport, ParameterReport, ServerReport

DESCRIPTION = "Say what a server is: versions, limits, formats, presets, and its operations."


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    parser = command_parser("info", DESCRIPTION, ["", "--host images.example --json"])
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    return run_command(run, args)


def run(args: argparse.Namespace) -> int:
    """Ask, and show it."""
    with connect(args) as client:
        server, operations = client.server_info(), client.list_operations()
    if args.json:
        show_json({**dataclasses.asdict(server), "operations": list(map(dataclasses.asdict, operations))})
    else:
        for line in (*server_lines(server), *operation_lines(operations)):
            print(printable(line))
    return 0


def server_lines(server: ServerReport) -> Iterator[str]:
    """Yield a server as its reader sees it."""
    threads = "OpenMP" if server.openmp else "no OpenMP"
    cores = f"{server.cores} core{'s' if server.cores > 1 else ''}"
    yield f"imgsvc {server.version}, kernels for {server.isa}, {threads}, {cores}"
    yield f"  with   {', '.join(f'{name} {version}' for name, version in sorted(server.libraries.items()))}"
    for title, names in (
        ("reads", [each.name for each in server.formats if each.decodes]),
        ("writes", [each.name for each in server.formats if each.encodes]),
    ):
        yield f"  {title:6} {', '.join(names)}"
    yield "limits"
    for name, limit in sorted(server.limits.items()):
        yield f"  {name:20} {limit:>16,}"
    if server.presets:
        yield "presets"
    for preset in server.presets:
        kind = f" to {preset.format}" if preset.format else ""
        about = f"  ({preset.description})" if preset.description else ""
        yield f"  {preset.name:20} {preset.text}{kind}{about}"


def operation_lines(operations: Sequence[OperationReport]) -> Iterator[str]:
    """Yield the operations with their parameters, as texts of pipelines give them."""
    yield "operations"
    for operation in operations:
        parameters = " ".join(map(_parameter, operation.parameters))
        yield f"  {f'{operation.name} {parameters}'.rstrip()}"
        yield f"      {operation.summary}"


def _parameter(parameter: ParameterReport) -> str:
    if parameter.required:
        return f"{parameter.name}=…"
    return f"[{parameter.name}={parameter.default or '…'}]"
