"""``imgsvc-client``: one image, or a folder of them, through the service."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as PillowImage
from tqdm import tqdm

from imgsvc import __version__
from imgsvc._available_cores import available_cores
from imgsvc._options import EXIT_USAGE, OneLineParser, argument_type, choice, integer, seconds
from imgsvc._process import EXIT_INTERRUPTED
from imgsvc._targets import is_host, tcp_target, unix_target
from imgsvc.client.batch import Done, find_images, process_folder
from imgsvc.client.options import COMPRESSION
from imgsvc.client.sync import Client
from imgsvc.codec import EncoderOptions, Photo, check_writable, read_image, write_image
from imgsvc.config import DEFAULT_PORT
from imgsvc.errors import (
    ConfigurationError,
    ImageReadError,
    ImageWriteError,
    ImgsvcError,
    ServiceError,
    ServiceTimeoutError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imgsvc._images import Image

TURNS = {
    "NONE": 0,
    "NINETY_DEG": 1,
    "ONE_EIGHTY_DEG": 2,
    "TWO_SEVENTY_DEG": 3,
    "0": 0,
    "90": 1,
    "180": 2,
    "270": 3,
}

EXIT_UNFORESEEN = 1
EXIT_INPUT = 3
EXIT_OUTPUT = 4
EXIT_UNAVAILABLE = 5
EXIT_REFUSED = 6
EXIT_TIMEOUT = 7
EXIT_SOME_FAILED = 8

EXIT_CODES = (
    (ConfigurationError, EXIT_USAGE),
    (ImageReadError, EXIT_INPUT),
    (ImageWriteError, EXIT_OUTPUT),
    (ServiceUnavailableError, EXIT_UNAVAILABLE),
    (ServiceTimeoutError, EXIT_TIMEOUT),
    (ServiceError, EXIT_REFUSED),
)

# What gRPC and Client.wait_until_ready say of a server that is not there.
UNREACHABLE = ("failed to connect", "no server answers", "errors resolving", "DNS resolution failed")

EPILOG = f"""\
examples:
  imgsvc-client --embedded --mean --rotate NINETY_DEG --input photo.jpg --output out.png
  imgsvc-client --host images.example --mean --input photo.jpg --output out.jpg
  imgsvc-client --timeit --rotate 180 --input photos --output turned

exit codes:
  0 done   2 usage   {EXIT_INPUT} input cannot be read   {EXIT_OUTPUT} output cannot be written
  {EXIT_UNAVAILABLE} no server, or a busy one   {EXIT_REFUSED} request refused   {EXIT_TIMEOUT} timeout
  {EXIT_SOME_FAILED} some images of a folder failed   {EXIT_UNFORESEEN} anything else
  {EXIT_INTERRUPTED} interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client; return the exit code."""
    parser = make_parser()
    args = parser.parse_args(argv)
    _check(parser, args)
    warnings.filterwarnings("ignore", category=PillowImage.DecompressionBombWarning)
    logging.basicConfig(level=logging.DEBUG if args.debug else logging.CRITICAL)
    try:
        return run(args)
    except KeyboardInterrupt:
        _say("interrupted")
        return EXIT_INTERRUPTED
    except Exception as error:
        if args.debug:
            raise
        if not isinstance(error, ImgsvcError):
            _say(f"{type(error).__name__}: {error} (--debug shows where)")
            return EXIT_UNFORESEEN
        _say(f"{error}{_advice(error)}")
        return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), EXIT_UNFORESEEN)


def make_parser() -> OneLineParser:
    """Return the parser of the command line."""
    parser = OneLineParser(
        prog="imgsvc-client",
        description="Filter and rotate images with a server of NLImageService.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    where = parser.add_argument_group("server")
    where.add_argument(
        "--host", "--host-name", metavar="HOST", help="its name or address (default: localhost)"
    )
    where.add_argument(
        "--port",
        type=argument_type(integer(1, 65535)),
        metavar="PORT",
        help=f"its TCP port (default: {DEFAULT_PORT})",
    )
    where.add_argument("--unix-socket", metavar="PATH", help="its Unix socket, instead of host and port")
    where.add_argument(
        "--embedded", action="store_true", help="start one in this process; no other is needed"
    )
    where.add_argument(
        "--timeout", type=argument_type(seconds(0.001, 86400)), default=60.0, metavar="SECONDS",
        help="for each call (default: 60)",
    )  # fmt: skip
    where.add_argument(
        "--compression", type=argument_type(choice(*COMPRESSION)), default="none", metavar="NAME",
        help="of requests: none, gzip or deflate (default: none)",
    )  # fmt: skip

    what = parser.add_argument_group("operations, mean first where both are given")
    what.add_argument("--mean", action="store_true", help="3×3 mean filter")
    what.add_argument(
        "--rotate", type=argument_type(choice(*TURNS)), metavar="ROTATION",
        help="counter-clockwise: NONE, NINETY_DEG, ONE_EIGHTY_DEG, TWO_SEVENTY_DEG, or 0, 90, 180, 270",
    )  # fmt: skip

    files = parser.add_argument_group("files")
    files.add_argument(
        "--input", required=True, type=Path, metavar="PATH", help="image file; a folder with --timeit"
    )
    files.add_argument(
        "--output", required=True, type=Path, metavar="PATH",
        help="image file, its format by its extension; a folder with --timeit",
    )  # fmt: skip
    files.add_argument(
        "--jpeg-quality", type=argument_type(integer(1, 100)), default=90, metavar="1-100",
        help="also of WebP (default: 90)",
    )  # fmt: skip
    files.add_argument(
        "--png-compression", type=argument_type(integer(0, 9)), default=1, metavar="0-9",
        help="0 is fastest, 9 is smallest (default: 1)",
    )  # fmt: skip

    batch = parser.add_argument_group("folders")
    batch.add_argument(
        "--timeit", action="store_true", help="process every image below --input, and report the time"
    )
    batch.add_argument(
        "--concurrency",
        type=argument_type(integer(1, 1024)),
        metavar="N",
        help="images at a time (default: 2 a core)",
    )
    batch.add_argument("--overwrite", action="store_true", help="replace outputs that exist")

    parser.add_argument("--debug", action="store_true", help="show tracebacks and the log")
    parser.add_argument("--version", action="version", version=f"imgsvc-client {__version__}")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what a checked command line asks for."""
    encoder = EncoderOptions(args.jpeg_quality, args.png_compression)
    if not args.timeit:
        check_writable(args.output)
        photo = read_image(args.input)
        for note in photo.notes:
            _say(f"note: {args.input}: {note}")
        with _connect(args) as client:
            pixels = transform(client, photo.pixels, args)
        write_image(args.output, Photo(pixels, photo.icc_profile, ()), encoder)
        return 0

    images, unreadable = find_images(args.input, apart_from=args.output)
    if not images:
        reason = unreadable[0][1] if unreadable else "no images in this folder"
        raise ImageReadError(f"{args.input}: {reason}")

    with _connect(args) as client:
        client.wait_until_ready(min(args.timeout, 10.0))

        def process(source: Path, target: Path) -> Done:
            check_writable(target)
            photo = read_image(source)
            for note in photo.notes:
                tqdm.write(f"imgsvc-client: note: {source}: {note}", file=sys.stderr)
            begin = time.perf_counter()
            pixels = transform(client, photo.pixels, args)
            latency = time.perf_counter() - begin
            write_image(target, Photo(pixels, photo.icc_profile, ()), encoder)
            return Done(photo.pixels.nbytes, latency)

        concurrency = args.concurrency or 2 * available_cores()
        report = process_folder(
            images,
            args.input,
            args.output,
            process,
            concurrency=concurrency,
            overwrite=args.overwrite,
            cancel=client.close,
        )
    report = dataclasses.replace(report, failures=unreadable + report.failures)
    print(report)
    return EXIT_SOME_FAILED if report.failures else 0


def transform(client: Client, pixels: Image, args: argparse.Namespace) -> Image:
    """Send an image through the operations asked for."""
    if args.mean:
        pixels = client.mean_filter(pixels)
    if args.rotate is not None:
        pixels = client.rotate90(pixels, TURNS[args.rotate])
    return pixels


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a usage error where options contradict each other or the files that are there."""
    if not args.mean and args.rotate is None:
        parser.error("nothing to do: give --mean, --rotate or both")
    ways = [args.embedded, args.unix_socket is not None, args.host is not None or args.port is not None]
    if sum(ways) > 1:
        parser.error("give one of --embedded, --unix-socket, and --host with --port")
    if args.host is not None and not is_host(args.host):
        parser.error(f"--host: {args.host!r} is no name or address; a port goes into --port")
    if args.unix_socket is not None and "," in args.unix_socket:
        parser.error("--unix-socket: gRPC takes a comma for the end of the path")
    # Unlike the methods of Path, these answer False where a name is too long or a folder may not be searched;
    # reading says what it was.
    if args.timeit and os.path.isfile(args.input):  # noqa: PTH113
        parser.error(f"--timeit: {args.input} is no folder")
    if not args.timeit and os.path.isdir(args.input):  # noqa: PTH112
        parser.error(f"{args.input} is a folder: --timeit processes all of it")
    if not args.timeit and (args.overwrite or args.concurrency):
        parser.error("--overwrite and --concurrency go with --timeit")


@contextlib.contextmanager
def _connect(args: argparse.Namespace) -> Iterator[Client]:
    """Give a client of the server that the command line names."""
    with contextlib.ExitStack() as stack:
        if args.embedded:
            from imgsvc.server.embedded import embedded_server  # noqa: PLC0415 - where asked for only

            target = stack.enter_context(embedded_server())
        elif args.unix_socket is not None:
            target = unix_target(args.unix_socket)
        else:
            target = tcp_target(args.host or "localhost", args.port or DEFAULT_PORT)
        yield stack.enter_context(Client(target, timeout=args.timeout, compression=args.compression))


def _advice(error: ImgsvcError) -> str:
    """Return what to do next, where the error does not say it."""
    if isinstance(error, ServiceTimeoutError):
        return "; allow more with --timeout, or send a smaller image"
    if isinstance(error, ServiceUnavailableError) and error.details.startswith(UNREACHABLE):
        return "; is imgsvc-server running there? --embedded needs none"
    return ""


def _say(text: str) -> None:
    print(f"imgsvc-client: {text}", file=sys.stderr)
