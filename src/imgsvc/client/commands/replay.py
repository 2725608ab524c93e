"""``imgsvc-client replay``: a request that a server has kept, sent once more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from imgsvc._files import failure_of
from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.program import (
    add_output_options,
    command_parser,
    run_command,
    say,
    show_json,
)
from imgsvc.client.failures import broken_answer, status_error
from imgsvc.errors import ImageReadError
from imgsvc.v1.image_service_pb2 import DESCRIPTOR, ProcessBatchResponse
from imgsvc.wire.captured import read_captured

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from imgsvc.wire.captured import CapturedRequest

DESCRIPTION = """Send a request again that a server kept (--capture-bad-requests), and say what comes of it.
Pixels that were not kept are zeros."""

BATCH = f"/{DESCRIPTOR.services_by_name['ImageService'].full_name}/ProcessBatch"


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    examples = ["20260101T120000.000000Z-000001-INTERNAL.request --embedded", "FILE --host images.example"]
    parser = command_parser("replay", DESCRIPTION, examples)
    parser.add_argument("input", type=Path, metavar="FILE", help="the file")
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    return run_command(run, args)


def run(args: argparse.Namespace) -> int:
    """Send it, and show what it was answered."""
    try:
        content = args.input.read_bytes()
    except OSError as error:
        raise ImageReadError(f"{args.input}: {failure_of(error)}") from error
    request = read_captured(content, str(args.input))
    if request.body is None:
        raise ImageReadError(f"{args.input}: its message was not kept, since it was none without its pixels")
    before = f"{request.about.get('code')}: {request.about.get('details')}"
    if not args.json:
        say(f"{request.method} of {request.about.get('time')} was {before}")
    with connect(args) as client:
        answers = client.send(request.method, request.body)
    _look_at_items(request, answers)
    num_bytes = sum(map(len, answers))
    if args.json:
        show_json({"method": request.method, "before": before, "status": "OK", "answer_bytes": num_bytes})
    else:
        print(f"OK: {num_bytes:,} bytes")
    return 0


def _look_at_items(request: CapturedRequest, answers: Sequence[bytes]) -> None:
    """Raise what an item of a batch failed with."""
    if request.method != BATCH:
        return
    for answer in answers:
        try:
            results = ProcessBatchResponse.FromString(answer).results
        except DecodeError as error:
            raise broken_answer(error) from error
        for result in results:
            if result.status.code:
                raise status_error(result.status.code, result.status.message, result.status.field)
