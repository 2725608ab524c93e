"""The files that an operator writes: options, presets, callers."""

from __future__ import annotations

import atexit
import contextlib
import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz.target import Target
from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError
from imgsvc.pipeline.presets import load_presets
from imgsvc.server.callers.known import read_callers

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FILES"]

METHODS = ("/imgsvc.v1.ImageService/Process", "/NLImageService/MeanFilter")


def check(data: bytes) -> None:
    """Read it as each of them; an error is one line."""
    path = _path()
    path.write_bytes(data)
    for read in (
        lambda: ServerConfig(**ServerConfig.from_file(path)),
        lambda: load_presets(path),
        lambda: read_callers(str(path), METHODS),
    ):
        try:
            read()
        except ConfigurationError as error:
            assert "\n" not in str(error)


@functools.cache
def _path() -> Path:
    scratch = contextlib.ExitStack()
    atexit.register(scratch.close)
    return Path(scratch.enter_context(tempfile.TemporaryDirectory(prefix="imgsvc-fuzz-"))) / "file.toml"


def _seeds() -> Iterable[bytes]:
    yield b'port = 0\nmax_message_bytes = "64MiB"\nbody_timeout = 2.5\nnull_image_errors = true\n'
    yield b'[thumbnail]\npipeline = "resize width=256 | sharpen"\nformat = "webp"\nquality = 80\n'
    yield (
        b"[every]\npipeline = 'invert'\nformat = 'jpg'\nprogressive = true\nmax_bytes = 2048\n"
        b"background = [1, 2, 3]\nsubsampling = '4:4:4'\nauto_orient = false\n"
    )
    digest = "0123456789abcdef" * 4
    yield f'[webshop]\nkeys = ["sha256:{digest}"]\nmax_calls = 16\nmethods = ["NLImageService/*"]\n'.encode()
    yield b'[robots]\ncertificates = ["robot-7"]\npixels_per_second = 50_000_000\n'
    yield b'[other]\npipeline = [{resize = {width = 800}}, "invert"]\ndescription = "for lists"\n'


FILES = Target("files", check, _seeds)
