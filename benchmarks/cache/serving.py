"""Servers with and without a cache, and the requests that they get."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import grpc

from benchmarks.service.process import Process, program
from benchmarks.service.serving import UNLIMITED
from imgsvc.recipes.source import RawImage
from imgsvc.wire.process import draft_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imgsvc.recipes.recipe import Recipe
    from imgsvc.recipes.source import ImageFile

    Call = grpc.UnaryUnaryMultiCallable[bytes, bytes]

METHOD = "/imgsvc.v1.ImageService/Process"
KEY = "x-imgsvc-cache"
START_SECONDS = 30.0
MARK_BYTES = 4
"""That make one image of many."""

MEMORY = ("--cache", "memory", "--cache-bytes", "1GiB")
LOOK_FOR_ALL = ("--cache-worth", "0")


@contextlib.contextmanager
def serving(folder: Path, name: str, *options: str) -> Iterator[Call]:
    """Run a server; what it yields calls it, with bytes."""
    command = [program("imgsvc-server"), "--port", "0", "--no-access-log", *options]
    with Process(command, {}, folder / f"{name}.log") as process:
        target = process.read_line(START_SECONDS).split(" serving on ")[1].split(",")[0].strip()
        with grpc.insecure_channel(target, UNLIMITED) as channel:
            yield channel.unary_unary(METHOD)


def mark(number: int) -> bytes:
    """Return what distinguishes an image."""
    return number.to_bytes(MARK_BYTES, "little")


def request_of(source: RawImage | ImageFile, recipe: Recipe) -> bytes:
    """Return the bytes of a request."""
    draft, room = draft_request(source, recipe)
    if room is not None and isinstance(source, RawImage):
        room[...] = source.pixels
    return draft.finish()


def told(call: Any) -> str | bytes | None:
    """Return what the cache did, by the answer's metadata: `hit`, `miss` or nothing."""
    return dict(call.trailing_metadata()).get(KEY)
