"""``imgsvc-client batch``: every image of a folder through a pipeline, over one stream."""

from __future__ import annotations

import collections
import dataclasses
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from imgsvc._available_cores import available_cores
from imgsvc._files import replacing
from imgsvc._options import argument_type, choice, integer
from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.files import (
    format_of_file,
    images_below,
    result_path,
    write_result,
)
from imgsvc.client.commands.program import (
    EXIT_SOME_FAILED,
    add_output_options,
    advice,
    command_parser,
    printable,
    run_command,
    say,
    show_json,
    told,
)
from imgsvc.client.commands.work import add_work_options, work_of
from imgsvc.client.flow import MAX_IN_FLIGHT
from imgsvc.errors import (
    ConfigurationError,
    ImageWriteError,
    ImgsvcError,
    ServiceError,
    ServiceUnavailableError,
)
from imgsvc.processing.given import read_file
from imgsvc.recipes.recipe import RAW

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from imgsvc.client.commands.work import Work
    from imgsvc.client.sync import Client
    from imgsvc.processing.result import Result

DESCRIPTION = """\
Send every image of a folder through a pipeline, over one stream, and write the results to another folder,
each whole or not at all. One that fails does not stop the others."""

MEGA = 1e6
PERCENTILES = (50, 90, 99)
MOST_NOTES = 10
AUTO = "auto"
PAUSE_SECONDS = 1.0
"""Before images that a busy server has turned down are sent again."""


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    examples = [
        'photos small --pipeline "resize width=800 | sharpen" --format webp --quality 80',
        "'photos/**/*.jpg' thumbnails --preset thumbnail --resume --failures failed.jsonl",
    ]
    parser = command_parser("batch", DESCRIPTION, examples)
    parser.add_argument("src", metavar="SRC", help="a folder, with all below it, or a pattern of files")
    parser.add_argument("dst", type=Path, metavar="DST", help="a folder, made where there is none")
    add_work_options(parser)
    how = parser.add_argument_group("batch")
    how.add_argument("--resume", action="store_true", help="leave out images whose output is there")
    how.add_argument("--overwrite", action="store_true", help="replace outputs that are there")
    how.add_argument(
        "--failures", type=Path, metavar="FILE",
        help="write what failed to this file: a line of JSON each, with path, code, message",
    )  # fmt: skip
    how.add_argument(
        "--workers", type=argument_type(_workers), default=AUTO, metavar="N",
        help="threads that read and write files (default: auto, 2 a core)",
    )  # fmt: skip
    how.add_argument(
        "--in-flight", type=argument_type(integer(1, MAX_IN_FLIGHT)), default=64, metavar="N",
        help="images under way at a time (default: 64)",
    )  # fmt: skip
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    if args.resume and args.overwrite:
        parser.error("give one of --resume and --overwrite")
    return run_command(run, args)


def _workers(text: str) -> int | str:
    return choice(AUTO)(text) if not text.lstrip("-").isdecimal() else integer(1, 256)(text)


def run(args: argparse.Namespace) -> int:
    """Do it all, and tell what became of it."""
    work = work_of(args)
    source, images, unreadable, others = images_below(args.src, args.dst)
    batch = Batch(source, args.dst, work, args)
    batch.failures += [Failure(path, "", reason) for path, reason in unreadable]
    left_out: set[Path] = set()
    interruption: BaseException | None = None
    begin = time.perf_counter()
    if args.failures is not None:
        _check_writable(args.failures)
    try:
        with connect(args) as client:
            batch.ask_for_format(client)
            images = batch.without_doubles(images)
            left_out = {image for image in images if args.resume and batch.output(image).exists()}
            batch.run(client, [image for image in images if image not in left_out])
    except (ServiceError, KeyboardInterrupt) as error:
        interruption = error
    report = Report(time.perf_counter() - begin, len(left_out), others, batch)
    if args.failures is not None:
        _write_failures(args.failures, batch.failures)
    code = EXIT_SOME_FAILED if batch.failures else 0
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


@dataclasses.dataclass(frozen=True)
class Failure:
    """An image that there is no result of."""

    path: Path
    code: str
    message: str


class Batch:
    """The images on their way, and what became of them."""

    def __init__(self, source: Path, target: Path, work: Work, args: argparse.Namespace) -> None:
        self._source = source
        self._target = target
        self._work = work
        self._overwrite = args.overwrite
        self._in_flight = args.in_flight
        self._retries = args.retries
        self._workers = 2 * available_cores() if args.workers == AUTO else args.workers
        self._quiet = args.json or not sys.stderr.isatty()
        self._started: dict[Path, float] = {}
        self._outputs: dict[Path, Path] = {}
        self.failures: list[Failure] = []
        self.latencies: list[float] = []
        self.notes: collections.Counter[str] = collections.Counter()
        self.bytes_in = 0
        self.bytes_out = 0

    @property
    def done(self) -> int:
        """How many there are results of."""
        return len(self.latencies)

    def ask_for_format(self, client: Client) -> None:
        """Let the server say which format results have where its preset settles that.

        Raises
        ------
        ConfigurationError
            They are pixels.
        """
        work = self._work
        if not work.preset or work.format:
            return
        kinds = {preset.name: preset.format for preset in client.server_info().presets}
        if kinds.get(work.preset) == RAW:
            raise ConfigurationError(f"--preset: {work.preset!r} gives raw pixels: choose a --format")
        self._work = dataclasses.replace(work, format=kinds.get(work.preset))

    def output(self, image: Path) -> Path:
        """Return where the result of an image goes: without a format of its own it has that of the image."""
        if image not in self._outputs:
            kind = self._work.format or format_of_file(self._source / image)
            self._outputs[image] = result_path(self._target, image, kind)
        return self._outputs[image]

    def without_doubles(self, images: Iterable[Path]) -> list[Path]:
        """Return images with outputs of their own; another one of the same output has failed."""
        owners: dict[Path, Path] = {}
        for image in images:
            output = self.output(image)
            owner = owners.setdefault(output, image)
            if owner != image:
                self._fail(image, ImageWriteError(f"{output} is the output of {self._source / owner}"))
        return list(owners.values())

    def run(self, client: Client, images: list[Path]) -> None:
        """Send all of them, and those that a busy server has turned down again, a few times."""
        with (
            ThreadPoolExecutor(self._workers) as pool,
            tqdm(total=len(images), unit="image", dynamic_ncols=True, disable=self._quiet) as bar,
        ):
            for attempts_left in reversed(range(self._retries + 1)):
                turned_down = self._round(client, pool, images, bar)
                images = [image for image, _ in turned_down]
                if not images:
                    return
                if attempts_left:
                    time.sleep(PAUSE_SECONDS)
            for image, error in turned_down:
                self._fail(image, error)

    def _round(
        self, client: Client, pool: ThreadPoolExecutor, images: Iterable[Path], bar: Any
    ) -> list[tuple[Path, ImgsvcError]]:
        """Send images once; return those that it was the wrong time for."""
        turned_down: list[tuple[Path, ImgsvcError]] = []
        writing: collections.deque[tuple[Path, Future[None]]] = collections.deque()
        results = client.process_many(
            self._read(pool, images),
            self._work.pipeline,
            output=self._work.output(),
            preset=self._work.preset,
            decoding=self._work.decoding(),
            in_flight=self._in_flight,
        )
        for image, result in results:
            if isinstance(result, ServiceUnavailableError):
                turned_down.append((image, result))
            elif isinstance(result, ImgsvcError):
                self._fail(image, result)
            else:
                self.latencies.append(time.perf_counter() - self._started.pop(image))
                self.bytes_out += len(result.data or b"")
                self.notes.update(result.notes)
                writing.append((image, pool.submit(self._write, result, self.output(image))))
            while len(writing) > self._workers:
                self._written(*writing.popleft())
            bar.update(self.done + len(self.failures) - len(writing) - bar.n)
        for each in writing:
            self._written(*each)
        bar.update(self.done + len(self.failures) - bar.n)
        return turned_down

    def _read(self, pool: ThreadPoolExecutor, images: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
        """Yield images with their bytes, which several threads read ahead."""
        reading: collections.deque[tuple[Path, Future[bytes]]] = collections.deque()
        for image in images:
            reading.append((image, pool.submit(self._content, image)))
            if len(reading) > self._workers:
                yield from self._content_of(*reading.popleft())
        while reading:
            yield from self._content_of(*reading.popleft())

    def _content_of(self, image: Path, reading: Future[bytes]) -> Iterator[tuple[Path, bytes]]:
        try:
            content = reading.result()
        except ImgsvcError as error:
            self._fail(image, error)
            return
        self.bytes_in += len(content)
        self._started[image] = time.perf_counter()
        yield image, content

    def _content(self, image: Path) -> bytes:
        output = self.output(image)
        if output.exists() and not self._overwrite:
            raise ImageWriteError(f"{output} exists: --overwrite replaces it, --resume leaves it as it is")
        return read_file(self._source / image)

    def _write(self, result: Result, output: Path) -> None:
        write_result(result, output, self._target, replace=self._overwrite)

    def _written(self, image: Path, writing: Future[None]) -> None:
        try:
            writing.result()
        except ImgsvcError as error:
            self.latencies.pop()
            self._fail(image, error)

    def _fail(self, image: Path, error: ImgsvcError) -> None:
        code = error.code.name if isinstance(error, ServiceError) else ""
        self.failures.append(Failure(self._source / image, code, f"{error}{advice(error)}"))


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of a batch, in how many seconds; `left_out` were there already, `others` are no images."""

    seconds: float
    left_out: int
    others: list[Path]
    batch: Batch

    def lines(self, *, shown_failures: bool) -> Iterator[str]:
        """Yield it as its reader sees it."""
        batch = self.batch
        counts = f"{batch.done} done, {len(batch.failures)} failed, {self.left_out} left out"
        coming, going = (size / MEGA / self.seconds for size in (batch.bytes_in, batch.bytes_out))
        rates = f"{batch.done / self.seconds:.1f} images/s, {coming:.1f} MB/s in, {going:.1f} out"
        yield f"{counts}, in {self.seconds:.2f} s: {rates}"
        for note, count in batch.notes.most_common(MOST_NOTES):
            yield f"{count} with the note: {note}"
        if len(batch.notes) > MOST_NOTES:
            yield f"{len(batch.notes) - MOST_NOTES} notes more, which --json shows"
        if self.others:
            yield f"no images by their names: {len(self.others)}, such as {self.others[0]}"
        if shown_failures:
            yield from (f"failed: {each.path}: {each.message}" for each in sorted_failures(batch.failures))

    def document(self) -> dict[str, Any]:
        """Return it as data."""
        batch = self.batch
        latencies = [1e3 * seconds for seconds in batch.latencies]
        return {
            "done": batch.done,
            "failed": len(batch.failures),
            "left_out": self.left_out,
            "no_images": [str(path) for path in self.others],
            "notes": dict(batch.notes.most_common()),
            "seconds": self.seconds,
            "images_per_second": batch.done / self.seconds,
            "bytes_in": batch.bytes_in,
            "bytes_out": batch.bytes_out,
            "latency_ms": percentiles(latencies),
            "failures": [_described(each) for each in sorted_failures(batch.failures)],
        }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the middle and the upper ends of some values; nothing of none."""
    if not values:
        return {}
    found = np.percentile(values, PERCENTILES)
    return {f"p{percent}": float(value) for percent, value in zip(PERCENTILES, found, strict=True)}


def sorted_failures(failures: Iterable[Failure]) -> list[Failure]:
    """Return failures by the names of their files."""
    return sorted(failures, key=lambda each: each.path)


def _described(failure: Failure) -> dict[str, str]:
    return {"path": str(failure.path), "code": failure.code, "message": failure.message}


def _check_writable(path: Path) -> None:
    """Raise an error now rather than after the batch."""
    try:
        path.open("a").close()
    except OSError as error:
        raise ConfigurationError(f"--failures: {path}: {error.strerror}") from error


def _write_failures(path: Path, failures: Iterable[Failure]) -> None:
    lines = "".join(f"{json.dumps(_described(each))}\n" for each in sorted_failures(failures))
    with replacing(path) as file:
        file.write(lines.encode())
