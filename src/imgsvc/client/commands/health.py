"""``imgsvc-client health``: whether a server takes calls, for probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.program import (
    EXIT_UNAVAILABLE,
    add_output_options,
    command_parser,
    printable,
    run_command,
    show_json,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

DESCRIPTION = "Say whether a server takes calls: SERVING and exit code 0, or what it says instead and 5."
SERVING = "SERVING"


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    parser = command_parser("health", DESCRIPTION, ["", "--unix-socket /run/imgsvc/socket --timeout 2"])
    parser.add_argument(
        "--service", default="", metavar="NAME", help="one of its services, by its full name (default: all)"
    )
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    return run_command(run, args)


def run(args: argparse.Namespace) -> int:
    """Ask, and show it."""
    with connect(args) as client:
        status = client.health(args.service)
    if args.json:
        show_json({"status": status})
    else:
        print(printable(status))
    return 0 if status == SERVING else EXIT_UNAVAILABLE
