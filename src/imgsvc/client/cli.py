"""``imgsvc-client``: one image, or a folder of them, through the service."""

from __future__ import annotations

import argparse
import dataclasses
import glob
import importlib
import os
import re
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as PillowImage
from tqdm import tqdm

from imgsvc import __version__
from imgsvc._available_cores import available_cores
from imgsvc._options import OneLineParser, argument_type, choice, integer
from imgsvc.client.batch import Done, process_folder
from imgsvc.client.commands import COMMANDS, one
from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.files import MOST_OF_BEGINNING, STANDARD
from imgsvc.client.commands.option_flags import FLAGS, given_options
from imgsvc.client.commands.program import (
    EXIT_CODES_TEXT,
    EXIT_SOME_FAILED,
    add_output_options,
    printable,
    run_command,
    say,
)
from imgsvc.client.commands.reaching import wait_for
from imgsvc.client.commands.variants import add_variant_options
from imgsvc.client.commands.work import add_work_options
from imgsvc.codec import (
    FORMATS,
    EncoderOptions,
    Photo,
    check_writable,
    format_of,
    format_of_name,
    read_image,
    write_image,
)
from imgsvc.errors import ConfigurationError, ImageReadError, InvalidInputError
from imgsvc.pipeline.options import hint
from imgsvc.places.folder import find_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgsvc._images import Image
    from imgsvc.client.sync import Client

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

_ANGLE = re.compile(r"[-+]?\d+(\.\d*)?")

NAMES = "\n".join(f"  {name:10} {what}" for name, what in COMMANDS.items())

EPILOG = f"""\
commands, each with its own --help:
{NAMES}

examples:
  imgsvc-client --embedded --mean --rotate NINETY_DEG --input photo.jpg --output out.png
  imgsvc-client --host images.example --mean --input photo.jpg --output out.jpg
  imgsvc-client photo.png photo.jpg
  imgsvc-client photo.jpg small.webp --pipeline "resize width=256 | sharpen" --quality 70
  imgsvc-client photo.jpg photo.jpg --pipeline "adjust contrast=1.1" --widths 320,640 --formats avif,webp,jpeg
  imgsvc-client --preset thumbnail --format webp --input '*.jpg' --output thumbnails
  imgsvc-client --pipeline invert --input - --output - < photo.jpg > negative.jpg
  imgsvc-client --timeit --rotate 180 --input photos --output turned
  imgsvc-client batch photos small --pipeline "resize width=800" --resume

{EXIT_CODES_TEXT}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the client, or one of its commands; return the exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    warnings.filterwarnings("ignore", category=PillowImage.DecompressionBombWarning)
    if given and given[0] in COMMANDS:
        command = importlib.import_module(f"imgsvc.client.commands.{given[0]}")
        code: int = command.main(given[1:])
        return code
    parser = make_parser()
    if given:
        _check_no_command(parser, given[0])
    args = parser.parse_intermixed_args(given)
    _take_files(parser, args)
    _check(parser, args)
    return run_command(run, args)


def make_parser() -> OneLineParser:
    """Return the parser of the command line."""
    parser = OneLineParser(
        prog="imgsvc-client",
        description="Filter, rotate, resize and convert images with a server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_connection_options(parser)
    what = parser.add_argument_group("operations, mean first where both are given")
    what.add_argument("--mean", action="store_true", help="3×3 mean filter")
    what.add_argument(
        "--rotate", type=argument_type(_rotation), metavar="ROTATION",
        help="counter-clockwise: NONE, NINETY_DEG, ONE_EIGHTY_DEG, TWO_SEVENTY_DEG, or 0, 90, 180, 270; "
        'other angles are --pipeline "rotate 45"',
    )  # fmt: skip

    add_work_options(parser)
    add_variant_options(parser)
    files = parser.add_argument_group("files")
    files.add_argument("files", nargs="*", metavar="IN OUT", help="the same as --input IN --output OUT")
    files.add_argument(
        "--input", nargs="+", metavar="PATH",
        help="image file, or several, or patterns; - is stdin; a folder with --timeit",
    )  # fmt: skip
    files.add_argument(
        "--output", metavar="PATH",
        help="image file, its format by its extension; - is stdout; a folder for several, patterns, --timeit",
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

    add_output_options(parser)
    parser.add_argument("--version", action="version", version=f"imgsvc-client {__version__}")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what a checked command line asks for."""
    if _by_v1(args):
        steps = ["mean_filter"] if args.mean else []
        steps += [] if args.rotate is None else [f"rotate90 turns={TURNS[args.rotate]}"]
        return one.run(args, " | ".join(steps))
    source, target = Path(args.input[0]), Path(args.output)
    encoder = EncoderOptions(args.jpeg_quality, args.png_compression)
    if not args.timeit:
        check_writable(target)
        photo = read_image(source)
        for note in photo.notes:
            say(f"note: {source}: {note}")
        with connect(args) as client:
            pixels = transform(client, photo.pixels, args)
        write_image(target, Photo(pixels, photo.icc_profile, ()), encoder)
        return 0

    images, unreadable, _ = find_images(source, apart_from=target)
    if not images:
        reason = unreadable[0][1] if unreadable else "no images in this folder"
        raise ImageReadError(f"{source}: {reason}")

    with connect(args) as client:
        wait_for(client, min(args.timeout, 10.0))

        def process(path: Path, output: Path) -> Done:
            check_writable(output)
            photo = read_image(path)
            for note in photo.notes:
                tqdm.write(f"imgsvc-client: note: {printable(f'{path}: {note}')}", file=sys.stderr)
            begin = time.perf_counter()
            pixels = transform(client, photo.pixels, args)
            latency = time.perf_counter() - begin
            write_image(output, Photo(pixels, photo.icc_profile, ()), encoder)
            return Done(photo.pixels.nbytes, latency)

        concurrency = args.concurrency or 2 * available_cores()
        report = process_folder(
            images,
            source,
            target,
            process,
            concurrency=concurrency,
            overwrite=args.overwrite,
            cancel=client.close,
        )
    report = dataclasses.replace(report, failures=unreadable + report.failures)
    print("\n".join(map(printable, str(report).splitlines())))
    return EXIT_SOME_FAILED if report.failures else 0


def transform(client: Client, pixels: Image, args: argparse.Namespace) -> Image:
    """Send an image through the operations asked for."""
    if args.mean:
        pixels = client.mean_filter(pixels)
    if args.rotate is not None:
        pixels = client.rotate90(pixels, TURNS[args.rotate])
    return pixels


def _rotation(text: str) -> str:
    """Return one of `TURNS`."""
    try:
        return choice(*TURNS)(text)
    except ConfigurationError as error:
        if _ANGLE.fullmatch(text):
            raise ConfigurationError(f'{error}; other angles are --pipeline "rotate {text}"') from None
        raise


def _check_no_command(parser: argparse.ArgumentParser, word: str) -> None:
    """End with a usage error where a word is nearly a command, and no file."""
    near = hint(word, COMMANDS) if word.isalpha() and not os.path.lexists(word) else ""
    if near:
        parser.error(f"{word!r}, expected {near}an image: there is no such file")


def _take_files(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Put IN and OUT where --input and --output are; end with a usage error where files are missing."""
    if args.files and (args.input is not None or args.output is not None):
        parser.error(f"give --input and --output, or IN and OUT without them: {args.files[0]!r} is too much")
    if args.files and len(args.files) != 2:
        expected = f"{hint(args.files[0], COMMANDS)}IN and OUT, or --input with several, and --output"
        parser.error(f"{' '.join(args.files)!r}, expected {expected}")
    if args.files:
        _check_no_command(parser, args.files[0])
        args.input, args.output = args.files[:1], args.files[1]
    missing = [name for name in ("input", "output") if getattr(args, name) is None]
    if missing:
        names = ", ".join(f"--{name}" for name in missing)
        parser.error(f"the following arguments are required: {names} (or IN OUT)")


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a usage error where options contradict each other or the files that are there."""
    check_connection(parser, args)
    if args.pipeline and (args.mean or args.rotate is not None):
        parser.error("--pipeline: --mean and --rotate go into it, as mean and rotate 90")
    if not (args.mean or args.rotate is not None or _by_v1(args)):
        is_known = format_of_name(args.output) is not None or not Path(args.output).suffix
        another = "another format" if is_known else f"a format: {', '.join(FORMATS)}"
        parser.error(
            f"nothing to do: give --mean, --rotate or both, or a --pipeline, or name OUT for {another}"
        )
    if args.timeit and _by_v1(args):
        parser.error("--timeit goes with --mean and --rotate: `imgsvc-client batch` has all the rest")
    if STANDARD in args.input and len(args.input) > 1:
        parser.error("--input: stdin is one image: give - alone")
    if _by_v1(args):
        return
    if args.json:
        parser.error(
            f"--json goes with --pipeline, --preset, --widths, --formats, {FLAGS}, and several files"
        )
    # Unlike the methods of Path, these answer False where a name is too long or a folder may not be searched;
    # reading says what it was.
    if args.timeit and os.path.isfile(args.input[0]):  # noqa: PTH113
        parser.error(f"--timeit: {args.input[0]} is no folder")
    if not args.timeit and os.path.isdir(args.input[0]):  # noqa: PTH112
        parser.error(f"{args.input[0]} is a folder: --timeit processes all of it")
    if not args.timeit and (args.overwrite or args.concurrency):
        parser.error("--overwrite and --concurrency go with --timeit")


def _by_v1(args: argparse.Namespace) -> bool:
    """Return whether the command line asks for more than NLImageService has."""
    options = args.pipeline, args.preset, args.widths, args.formats
    if any(option is not None for option in options) or given_options(args) or len(args.input) > 1:
        return True
    name = args.input[0]
    if STANDARD in (name, args.output) or (glob.has_magic(name) and not os.path.lexists(name)):
        return True
    return not (args.mean or args.rotate is not None or args.timeit) and _is_converted(name, args.output)


def _is_converted(name: str, output: str) -> bool:
    """Return whether an output's name says another format than a file has; nothing is read of pipes."""
    kind = format_of_name(output)
    if kind is None:
        return False
    path = Path(name)
    try:
        if not path.is_file():
            return not path.is_dir()
        with path.open("rb") as file:
            return kind != format_of(file.read(MOST_OF_BEGINNING))
    except (OSError, InvalidInputError):  # which whoever reads all of it says
        return True
