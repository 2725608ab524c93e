"""Count the functions of imgsvc's that one warm call of each kind runs in the server."""

from __future__ import annotations

import argparse
import collections
import contextlib
import importlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counting.profiler import Profiler, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from counting.profiler import Function

KINDS = {"mean-filter": "a MeanFilter call", "process": "a Process call", "item": "an item of a batch"}
TELEMETRY = ("imgsvc-observers", "imgsvc-telemetry")
"""How the names of threads begin that tell of calls and are nobody's waiting time."""

SAMPLES = 7
"""Of them the one with the fewest functions counts: in others something runs that comes by the clock."""

REST_SECONDS = 0.3


def main() -> int:
    """Count, show and judge; return the exit code."""
    parser = argparse.ArgumentParser(prog="ci/count-calls", description=__doc__)
    for kind, what in KINDS.items():
        parser.add_argument(f"--{kind}", type=int, metavar="MOST", help=f"functions that {what} may run")
    parser.add_argument("--lines", type=int, default=60, metavar="MOST", help="lines of one (%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="show each in turn")
    options = parser.parse_args()
    limits = {kind: getattr(options, kind.replace("-", "_")) for kind in KINDS}
    profiler = Profiler()  # before any thread starts
    failed, long = False, {}
    with served() as target:
        for kind, limit in limits.items():
            functions = fewest(profiler, target, kind)
            show(KINDS[kind], functions, limit, verbose=options.verbose)
            failed |= limit is not None and len(functions) > limit
            for function in functions:
                if (lines := lines_of(function.code)) > options.lines:
                    long[f"{function.module}.{function.code.co_name}"] = lines
    for name, lines in long.items():
        print(f"{name}: {lines} lines, at most {options.lines}")
    judged = any(limit is not None for limit in limits.values())
    return int(failed or (judged and bool(long)))


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Yield where a server in this process serves, with its defaults."""
    config: Any = importlib.import_module("imgsvc.config")
    cli: Any = importlib.import_module("imgsvc.server.cli")  # whichever module has the class
    with tempfile.TemporaryDirectory() as folder:
        server = cli.Server(config.ServerConfig(unix_socket=str(Path(folder, "socket"))))
        with server:
            yield server.addresses[0]


def fewest(profiler: Profiler, target: str, kind: str) -> list[Function]:
    """Return what one call runs, of several the one that runs the fewest."""
    command = (sys.executable, "-m", "counting.client", target, kind)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        samples = []
        wait_until_ready(client)
        for _ in range(SAMPLES):
            time.sleep(REST_SECONDS)
            profiler.begin()
            tell(client)
            wait_until_ready(client)
            time.sleep(REST_SECONDS)
            functions = profiler.end()
            samples.append([each for each in functions if not each.thread.startswith(TELEMETRY)])
    return min(samples, key=len)


def tell(client: subprocess.Popen[str]) -> None:
    """Let a client call."""
    assert client.stdin  # noqa: S101 - for the type checker
    client.stdin.write("\n")
    client.stdin.flush()


def wait_until_ready(client: subprocess.Popen[str]) -> None:
    """Wait until a client could call again."""
    assert client.stdout  # noqa: S101 - for the type checker
    if client.stdout.readline() != "ready\n":
        sys.exit("ci/count-calls: the client has failed")


def show(what: str, functions: list[Function], limit: int | None, *, verbose: bool) -> None:
    """Print how many there are, by file."""
    compiled = sum(not function.code.co_filename.endswith(".py") for function in functions)
    verdict = "" if limit is None else f", at most {limit}: {'met' if len(functions) <= limit else 'MISSED'}"
    modules = collections.Counter(function.module for function in functions)
    count = f"{len(functions)} functions, {compiled} of them compiled, in {len(modules)} modules"
    print(f"{what}: {count}{verdict}")
    for module, number in modules.most_common():
        print(f"{number:6} {module}")
    if verbose:
        for function in functions:
            print(f"       {function}")


if __name__ == "__main__":
    sys.exit(main())
