"""``imgsvc-client batch``: every image of a folder or a store through a pipeline."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from imgsvc._available_cores import available_cores
from imgsvc._options import argument_type, choice, integer, text
from imgsvc.client.commands.batch_items import (
    Failure,
    Item,
    Tally,
    without_doubles,
    without_those_of_others,
    without_those_there,
)
from imgsvc.client.commands.batch_report import Report, check_writable, write_failures
from imgsvc.client.commands.batch_sets import Sets
from imgsvc.client.commands.batch_stream import Stream
from imgsvc.client.commands.connection import (
    add_connection_options,
    check_connection,
    client_of,
    connect,
    names_a_caller,
    names_a_server,
)
from imgsvc.client.commands.program import (
    EXIT_SOME_FAILED,
    add_output_options,
    command_parser,
    printable,
    run_command,
    say,
    show_json,
    told,
)
from imgsvc.client.commands.variants import add_variant_options, variants_of
from imgsvc.client.commands.work import add_work_options, work_of
from imgsvc.client.flow import MAX_IN_FLIGHT
from imgsvc.errors import ClusterError, ConfigurationError, ServiceError, StoreAccessError
from imgsvc.places import Listing, listed, opened
from imgsvc.places.work_list import read_work_list
from imgsvc.recipes.recipe import RAW, Recipe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any, Protocol

    from imgsvc.client.commands.batch_items import Image
    from imgsvc.client.commands.variants import Variants
    from imgsvc.client.commands.work import Work
    from imgsvc.client.sync import Client
    from imgsvc.places import Place

    class Engine(Protocol):
        """Runs a batch."""

        def items(self, images: Sequence[Image]) -> list[Item]:
            """Return images with the names of their results."""

        def run(self, items: Sequence[Item], tally: Tally, bar: Any) -> None:
            """Make the results of items; count each in the tally, and show how many in the bar."""


DESCRIPTION = """\
Send every image of a folder through a pipeline, and write the results to another folder, each whole or not at
all. One that fails does not stop the others. Each folder may also be in an object store: s3://BUCKET/…, and
what else fsspec opens."""

AUTO = "auto"
IN_FLIGHT = 64
STREAM, RAY = "stream", "ray"


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    examples = [
        'photos small --pipeline "resize width=800 | sharpen" --format webp --quality 80',
        "photos web --widths 320,640,1280 --formats avif,webp,jpeg",
        "'photos/**/*.jpg' thumbnails --preset thumbnail --resume --failures failed.jsonl",
        's3://photos/2026 s3://thumbnails/2026 --embedded --pipeline "resize width=256" --format webp',
        'photos small --from list.csv --engine ray --pipeline "resize width=256" --format webp',
    ]
    parser = command_parser("batch", DESCRIPTION, examples)
    parser.add_argument("src", metavar="SRC", help="a folder or store, with all below, or a pattern of files")
    parser.add_argument("dst", metavar="DST", help="a folder, made where there is none, or a store")
    add_work_options(parser)
    add_variant_options(parser)
    how = parser.add_argument_group("batch")
    how.add_argument(
        "--from", dest="work_list", type=argument_type(text), metavar="FILE",
        help="only these images below SRC: one in each line, or a .csv of images and what their results are "
        "called; - is stdin",
    )  # fmt: skip
    how.add_argument("--resume", action="store_true", help="leave out images whose output is there")
    how.add_argument("--overwrite", action="store_true", help="replace outputs that are there")
    how.add_argument(
        "--failures", type=Path, metavar="FILE",
        help="write what failed to this file: a line of JSON each, with path, code, message",
    )  # fmt: skip
    how.add_argument(
        "--workers", type=argument_type(_workers), default=AUTO, metavar="N",
        help="threads that read and write files (default: auto, 2 a core; of --engine ray: tasks at a time)",
    )  # fmt: skip
    how.add_argument(
        "--in-flight", type=argument_type(integer(1, MAX_IN_FLIGHT)), metavar="N",
        help="images under way at a time (default: 64)",
    )  # fmt: skip
    how.add_argument(
        "--engine", type=argument_type(choice(STREAM, RAY)), default=STREAM, metavar="NAME",
        help="stream (default), or ray: tasks of Ray Data, which compute unless a server is named",
    )  # fmt: skip
    how.add_argument(
        "--address", type=argument_type(text), metavar="ADDRESS",
        help="of a Ray cluster, such as auto or ray://HOST:10001 (default: one on this machine)",
    )  # fmt: skip
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    if args.resume and args.overwrite:
        parser.error("give one of --resume and --overwrite")
    if args.address is not None and args.engine != RAY:
        parser.error("--address goes with --engine ray")
    if args.engine == RAY and (args.widths is not None or args.formats is not None):
        parser.error("--widths and --formats go with --engine stream")
    if args.engine == RAY and args.embedded:
        parser.error("--embedded: tasks of --engine ray compute by themselves")
    if args.engine == RAY and args.in_flight is not None:
        parser.error("--in-flight goes with --engine stream; of Ray, --workers is how many tasks run")
    if args.engine == RAY and names_a_caller(args) and not names_a_server(args):
        parser.error("--tls and --token-file are of a server: name it, or tasks of --engine ray compute here")
    return run_command(run, args)


def _workers(text: str) -> int | str:
    return choice(AUTO)(text) if not text.lstrip("-").isdecimal() else integer(1, 256)(text)


def run(args: argparse.Namespace) -> int:
    """Do it all, and tell what became of it."""
    work, variants = work_of(args), variants_of(args)
    if args.failures is not None:
        check_writable(args.failures)
    begin = time.perf_counter()
    source, target, images, listing = _places(args)
    tally = Tally(source, target)
    tally.failures += [Failure(path, "", reason) for path, reason in listing.refused]
    left_out = 0
    interruption: BaseException | None = None
    try:
        with _engine(args, work, variants, source, target) as engine:
            items = without_those_of_others(engine.items(images), source, target, tally)
            items = without_doubles(items, tally)
            if not args.overwrite:
                failed = len(tally.failures)
                missing = without_those_there(items, target, tally, resume=args.resume)
                left_out = len(items) - len(missing) - (len(tally.failures) - failed)
                items = missing
            quiet = args.json or not sys.stderr.isatty()
            total = tally.ended + len(items)
            with tqdm(
                total=total, initial=tally.ended, unit="image", dynamic_ncols=True, disable=quiet
            ) as bar:
                engine.run(items, tally, bar)
    except (ServiceError, StoreAccessError, ClusterError, KeyboardInterrupt) as error:
        interruption = error
    except Exception:
        if args.failures is not None:
            write_failures(args.failures, tally.failures)
        raise
    return _told(args, Report(time.perf_counter() - begin, left_out, listing.others, tally), interruption)


def _places(
    args: argparse.Namespace,
) -> tuple[Place, Place, Sequence[Image], Listing]:
    """Return where images are and results go, the images, and what else there is."""
    target = opened(args.dst)
    if args.work_list is not None:
        return opened(args.src), target, read_work_list(args.work_list), Listing(())
    source, listing = listed(args.src, target)
    return source, target, [(name, None) for name in listing.images], listing


@contextlib.contextmanager
def _engine(
    args: argparse.Namespace, work: Work, variants: Variants | None, source: Place, target: Place
) -> Iterator[Engine]:
    """Give what runs the batch."""
    if args.engine == RAY:
        from imgsvc.client.commands.batch_ray import Job, ray_engine  # noqa: PLC0415 - an extra

        with contextlib.ExitStack() as stack:
            client = stack.enter_context(client_of(args)) if names_a_server(args) else None
            work = work if client is None else _with_format(work, client)
            recipe = Recipe(work.pipeline, (work.output(),), work.decoding(), work.preset)
            job = Job(recipe, source, target, client, replace=args.overwrite)
            most = None if args.workers == AUTO else args.workers
            yield stack.enter_context(ray_engine(job, args.address, most))
        return
    with connect(args) as client:
        work = _with_format(work, client)
        workers, replace = _workers_of(args), args.overwrite
        if variants is not None:
            yield Sets(
                client, work, variants, source, target,
                replace=replace, workers=workers, retries=args.retries,
            )  # fmt: skip
        else:
            yield Stream(
                client, work, source, target,
                replace=replace, workers=workers, in_flight=args.in_flight or IN_FLIGHT, retries=args.retries,
            )  # fmt: skip


def _workers_of(args: argparse.Namespace) -> int:
    return 2 * available_cores() if args.workers == AUTO else int(args.workers)


def _with_format(work: Work, client: Client) -> Work:
    """Let the server say which format results have where its preset settles that.

    Raises
    ------
    ConfigurationError
        They are pixels.
    """
    if not work.preset or work.format:
        return work
    kinds = {preset.name: preset.format for preset in client.server_info().presets}
    if kinds.get(work.preset) == RAW:
        raise ConfigurationError(f"--preset: {work.preset!r} gives raw pixels: choose a --format")
    kind = kinds.get(work.preset)
    return dataclasses.replace(work, options={**work.options, "format": kind}) if kind else work


def _told(args: argparse.Namespace, report: Report, interruption: BaseException | None) -> int:
    """Tell what became of a batch, and return the exit code."""
    failures = report.tally.failures
    if args.failures is not None:
        write_failures(args.failures, failures)
    code = EXIT_SOME_FAILED if failures else 0
    document = report.document()
    if interruption is not None:
        code, text = told(interruption)
        say(f"{text}: not finished, --resume goes on where this has ended")
        document |= {"error": text, "exit_code": code}
    if args.json:
        show_json(document)
    else:
        for line in report.lines(shown_failures=args.failures is None):
            print(printable(line))
    return code
