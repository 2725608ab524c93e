"""``imgsvc-client bench``: a server under load, from several clients, and what comes of it."""

from __future__ import annotations

import collections
import dataclasses
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc._options import argument_type, integer, seconds
from imgsvc.client.commands.batch_report import percentiles
from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.files import read_input
from imgsvc.client.commands.program import (
    EXIT_SOME_FAILED,
    add_output_options,
    command_parser,
    printable,
    run_command,
    show_json,
)
from imgsvc.client.commands.reaching import wait_for
from imgsvc.client.commands.work import add_work_options, work_of
from imgsvc.errors import ConfigurationError, ImgsvcError, ServiceError
from imgsvc.pipeline import Pipeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

DESCRIPTION = """\
Put a server under load: each client makes its next call when the last one is answered. The clients are
threads of this program, which needs cores of its own: for the server's own figures run it elsewhere."""

SIZE = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})")
MAX_PIXELS = 100_000_000
WARM_UP_SHARE = 0.2


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    examples = ["--clients 16 --seconds 10", '--input photo.jpg --pipeline "resize width=256" --json']
    parser = command_parser("bench", DESCRIPTION, examples)
    load = parser.add_argument_group("load")
    load.add_argument(
        "--clients", type=argument_type(integer(1, 256)), default=4, metavar="N", help="default: 4"
    )
    load.add_argument(
        "--seconds", type=argument_type(seconds(0.1, 3600)), default=5.0, metavar="SECONDS",
        help="how long, after a fifth of it to warm up (default: 5)",
    )  # fmt: skip
    image = load.add_mutually_exclusive_group()
    image.add_argument(
        "--size", type=argument_type(_size), default=(1080, 797), metavar="WxH",
        help="RGB pixels of noise (default: 1080x797)",
    )  # fmt: skip
    image.add_argument("--input", type=Path, metavar="FILE", help="an image file instead; - is stdin")
    add_work_options(parser)
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    return run_command(run, args)


def _size(text: str) -> tuple[int, int]:
    found = SIZE.fullmatch(text)
    if not found or int(found[1]) * int(found[2]) > MAX_PIXELS:
        raise ConfigurationError(f"{text!r}, expected WxH, such as 640x480, of at most {MAX_PIXELS} pixels")
    return int(found[1]), int(found[2])


def run(args: argparse.Namespace) -> int:
    """Call until the time is over, and show what came of it."""
    work = work_of(args)
    if not work.pipeline.operations and not work.preset:
        work = dataclasses.replace(work, pipeline=Pipeline("mean_filter"))
    width, height = args.size
    image: Any = (
        read_input(args.input)
        if args.input is not None
        else np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    )
    with connect(args) as client:
        wait_for(client, min(args.timeout, 10.0))

        def call() -> None:
            client.process(
                image, work.pipeline, output=work.output(), preset=work.preset, decoding=work.decoding()
            )

        call()  # one that cannot work at all says so
        _loop(call, args.clients, args.seconds * WARM_UP_SHARE)
        load = _loop(call, args.clients, args.seconds)
    if args.json:
        show_json(load.document(args))
    else:
        for line in load.lines():
            print(printable(line))
    return EXIT_SOME_FAILED if load.errors else 0


@dataclasses.dataclass(frozen=True)
class Load:
    """What clients did in a while: how long each call took, and which statuses failed calls had."""

    seconds: float
    latencies: Sequence[float]
    errors: collections.Counter[str]

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies) / self.seconds

    def document(self, args: argparse.Namespace) -> dict[str, Any]:
        """Return it as data."""
        milliseconds = [1e3 * latency for latency in self.latencies]
        most = {"max": max(milliseconds)} if milliseconds else {}
        return {
            "clients": args.clients,
            "seconds": self.seconds,
            "calls": len(self.latencies),
            "calls_per_second": self.rate,
            "latency_ms": {**percentiles(milliseconds), **most},
            "errors": dict(self.errors),
        }

    def lines(self) -> Iterator[str]:
        """Yield it as its reader sees it."""
        yield f"{len(self.latencies)} calls in {self.seconds:.2f} s: {self.rate:.1f} a second"
        if self.latencies:
            milliseconds = [1e3 * latency for latency in self.latencies]
            parts = [f"{name} {value:.1f}" for name, value in percentiles(milliseconds).items()]
            yield f"latency in ms: {', '.join(parts)}, max {max(milliseconds):.1f}"
        for status, count in self.errors.most_common():
            yield f"failed: {count} with {status}"


def _loop(call: Callable[[], None], clients: int, duration: float) -> Load:
    """Let clients call for so long."""
    latencies: list[float] = []
    errors: collections.Counter[str] = collections.Counter()
    unforeseen: list[BaseException] = []
    start = time.perf_counter()

    def one() -> None:
        try:
            while (begin := time.perf_counter()) < start + duration and not unforeseen:
                try:
                    call()
                    latencies.append(time.perf_counter() - begin)
                except ImgsvcError as error:
                    errors[error.code.name if isinstance(error, ServiceError) else type(error).__name__] += 1
        except BaseException as error:  # noqa: BLE001 - raised below
            unforeseen.append(error)

    threads = [threading.Thread(target=one, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if unforeseen:
        raise unforeseen[0]
    return Load(time.perf_counter() - start, latencies, errors)
