"""``imgsvc-client doctor``: is this installation right, and does the server answer."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

import numpy as np

import imgsvc
from imgsvc import _dispatch
from imgsvc._available_cores import available_cores
from imgsvc.client.commands.connection import add_connection_options, check_connection, connect
from imgsvc.client.commands.program import (
    EXIT_UNFORESEEN,
    add_output_options,
    advice,
    command_parser,
    is_terminal,
    printable,
    run_command,
    show_json,
)
from imgsvc.client.commands.reaching import wait_for
from imgsvc.codec import formats
from imgsvc.errors import ImgsvcError
from imgsvc.runtime.allocator import is_tuned

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

DESCRIPTION = "Check this installation and the way to the server, and say what is wrong."

OK, WARNING, PROBLEM = "ok", "warning", "problem"
COLORS = {OK: "32", WARNING: "33", PROBLEM: "31"}
PACKAGES = ("numpy", "grpcio", "protobuf", "pillow", "simplejpeg")
BEST_ISA = "x86-64-v3"
PLAIN_TRANSPORT = "grpc.server"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was checked, how it is, and what to do about it."""

    what: str
    state: str
    text: str


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    parser = command_parser("doctor", DESCRIPTION, ["", "--embedded", "--host images.example --json"])
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    return run_command(run, args)


def run(args: argparse.Namespace) -> int:
    """Check all, and show it; 1 where something is a problem."""
    findings = []
    for finding in _findings(args):
        findings.append(finding)
        if not args.json:
            print(_line(finding), flush=True)
    if args.json:
        show_json([dataclasses.asdict(finding) for finding in findings])
    return EXIT_UNFORESEEN if any(finding.state == PROBLEM for finding in findings) else 0


def _line(finding: Finding) -> str:
    state = f"{finding.state:8}"
    if is_terminal(sys.stdout):
        state = f"\x1b[{COLORS[finding.state]}m{state}\x1b[0m"
    return f"{state} {finding.what}: {printable(finding.text)}"


def _findings(args: argparse.Namespace) -> Iterator[Finding]:
    yield Finding(
        "imgsvc", OK, f"{imgsvc.__version__}, Python {platform.python_version()}, {platform.platform()}"
    )
    yield from _packages()
    yield from _kernels()
    yield _cores()
    yield from _codecs()
    yield _allocator()
    yield from _server(args)


def _packages() -> Iterator[Finding]:
    missing = []
    for requirement in requires("imgsvc") or []:
        name = requirement.split(";")[0]
        if ";" in requirement:  # an extra's, or for other Pythons
            continue
        package = name.rstrip("0123456789.,<>=!~ ").split("[")[0].strip()
        try:
            version(package)
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        yield Finding("packages", PROBLEM, f"{', '.join(missing)} missing: pip install {' '.join(missing)}")
    yield Finding("packages", OK, ", ".join(f"{name} {version(name)}" for name in PACKAGES))


def _kernels() -> Iterator[Finding]:
    try:
        usable, used = _dispatch.usable_isas(), _dispatch.isa()
    except ImgsvcError as error:  # nothing can be computed
        yield Finding("instruction set", PROBLEM, str(error))
        return
    forced = " (IMGSVC_ISA says so)" if os.environ.get("IMGSVC_ISA") else ""
    slower = platform.machine() in {"x86_64", "AMD64"} and used != BEST_ISA
    state = WARNING if slower and BEST_ISA in usable else OK
    yield Finding("instruction set", state, f"{used}{forced}; this CPU runs {', '.join(usable)}")
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    works = imgsvc.invert(image)[2, 3] == 255 - 11
    text = (
        "they compute"
        if works
        else "they compute something wrong: reinstall with pip install --force-reinstall ."
    )
    yield Finding("kernels", OK if works else PROBLEM, text)
    if _dispatch.kernels().openmp:
        yield Finding("OpenMP", OK, "an image is worked on by several threads")
    else:
        yield Finding(
            "OpenMP", WARNING, "built without: one thread an image; install with a compiler that has it"
        )


def _cores() -> Finding:
    cores, whole = available_cores(), os.cpu_count() or 1
    less = "" if cores == whole else f" of {whole}: an affinity mask or a cgroup's quota"
    return Finding("cores", OK, f"{cores}{less}")


def _codecs() -> Iterator[Finding]:
    known = formats().values()
    there = [each.name for each in known if each.decodes and each.encodes]
    missing = [each.name for each in known if not (each.decodes and each.encodes)]
    yield Finding("formats", OK, ", ".join(there))
    if missing:
        text = f"{', '.join(missing)} not in this Pillow: a wheel of it from PyPI has them"
        yield Finding("formats", WARNING, text)


def _allocator() -> Finding:
    if is_tuned():
        return Finding("allocator", OK, "keeps the memory of large images for the next ones")
    return Finding("allocator", WARNING, "not tuned: no glibc here; large images take longer")


def _server(args: argparse.Namespace) -> Iterator[Finding]:
    try:
        with connect(args) as client:
            wait_for(client, min(args.timeout, 5.0))
            yield Finding("server", OK, f"answers at {'this process' if args.embedded else client.target}")
            info = client.server_info()
            same = info.version == imgsvc.__version__
            other = "" if same else f", and this client {imgsvc.__version__}: install the same"
            yield Finding("its version", OK if same else WARNING, f"{info.version}{other}")
            if info.transport == PLAIN_TRANSPORT:
                text = (
                    f"{PLAIN_TRANSPORT}, of grpcio {info.libraries['grpcio']}: slower; install another grpcio"
                )
                yield Finding("its transport", WARNING, text)
            image = np.zeros((8, 8), np.uint8)
            works = bool((client.invert(image) == 255).all())
            yield Finding("its kernels", OK if works else PROBLEM, "they compute" if works else "they do not")
    except ImgsvcError as error:
        yield Finding("server", PROBLEM, f"{error}{advice(error)}")
