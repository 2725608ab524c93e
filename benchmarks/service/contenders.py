"""Who takes part: the servers, and who calls which with what.

| contender | server | its own client |
| --- | --- | --- |
| imgsvc | imgsvc-server with its defaults | imgsvc.Client in a process that called imgsvc.tune_allocator |
| imgsvc-untuned | the same process | imgsvc.Client in one that did not |
| stock | gRPC and OpenCV as one would write it first | generated stub, from array to array |
| echo | gRPC in Python, no images; tuned malloc | the lean one |
| cpp-default | cpp/server.cpp | the lean one |
| cpp-tuned | cpp/server.cpp; tuned malloc | the lean one |

The lean client sends bytes made beforehand, reads no answer, and has tuned malloc. Those that it calls differ
by the server alone (`lean`); from array to array (`from_arrays`) clients are measured too.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

from benchmarks.needs import OPENCV
from benchmarks.service import images
from benchmarks.service.cpp_server import CppUnavailableError, build
from benchmarks.service.process import program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.service.images import Image, Shape

TUNED_MALLOC = {
    "GLIBC_TUNABLES": ":".join(
        (
            "glibc.malloc.mmap_threshold=1073741824",
            "glibc.malloc.trim_threshold=4294967295",
            "glibc.malloc.top_pad=268435456",
            "glibc.malloc.arena_max=2",
        )
    )
}
"""What `imgsvc.tune_allocator` is for imgsvc: large buffers come from the heap, and stay in it."""

LEAN = "bytes"
"""The kind of client, as `benchmarks.service.load` takes it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Server:
    """A program that serves MeanFilter, and says where on the first line of its stdout."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Contender:
    """A server and a client of it; those with the same server share its process.

    Attributes
    ----------
    client
        The kind of client, as `benchmarks.service.load` takes it.
    check
        Asserts that an answer to an image of a shape is right.
    """

    name: str
    server: Server
    client: str
    check: Callable[[Image, Shape], None] = images.check_exact
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


def available(cache: Path) -> tuple[list[Contender], list[str]]:
    """Return the contenders that this machine can run, imgsvc first, and a line for those that it cannot.

    Parameters
    ----------
    cache
        A folder that stays from run to run.
    """
    contenders, notes = served_by_python(), []
    if not OPENCV.is_met():
        contenders = [contender for contender in contenders if contender.name != "stock"]
        notes.append(f"stock was left out: it takes {OPENCV.how}")
    try:
        command = (str(build(cache)),)
    except CppUnavailableError as error:
        notes.append(f"cpp-default and cpp-tuned were left out: {error}")
    else:
        servers = Server("cpp-default", command), Server("cpp-tuned", command, TUNED_MALLOC)
        contenders += [Contender(server.name, server, LEAN, variables=TUNED_MALLOC) for server in servers]
    return contenders, notes


def lean(contenders: Sequence[Contender]) -> list[Contender]:
    """Return their servers, each once, all with the lean client; C++ only as fast as it gets."""
    first = {contender.server: contender for contender in reversed(contenders)}
    return [
        Contender(server.name, server, LEAN, first[server].check, TUNED_MALLOC)
        for server in dict.fromkeys(contender.server for contender in contenders)
        if server.name != "cpp-default"
    ]


def from_arrays(contenders: Sequence[Contender]) -> list[Contender]:
    """Return those whose client takes an array and returns one."""
    return [contender for contender in contenders if contender.client != LEAN]


def served_by_python() -> list[Contender]:
    """Return the contenders that need no compiler; stock needs OpenCV."""
    imgsvc = Server("imgsvc", (program("imgsvc-server"), "--port", "0"))
    stock = Server("stock", _module("stock_server"))
    echo = Server("echo", _module("echo_server"), TUNED_MALLOC)
    return [
        Contender("imgsvc", imgsvc, "imgsvc"),
        Contender("imgsvc-untuned", imgsvc, "imgsvc-untuned"),
        Contender("stock", stock, "stock", images.check_inside),
        Contender("echo", echo, LEAN, images.check_echo, TUNED_MALLOC),
    ]


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.service.{name}")
