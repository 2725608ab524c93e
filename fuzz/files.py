"""The files that an operator writes: options, and presets."""

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

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FILES"]


def check(data: bytes) -> None:
    """Read it as the one and as the other; an error is one line."""
    path = _path()
    path.write_bytes(data)
    for read in (lambda: ServerConfig(**ServerConfig.from_file(path)), lambda: load_presets(path)):
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
    yield b'[other]\npipeline = [{resize = {width = 800}}, "invert"]\ndescription = "for lists"\n'


FILES = Target("files", check, _seeds)
