"""Builds the C++ server, once for each state of its source, of the compiler and of the CPU."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.service.process import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = Path(__file__).parent / "cpp" / "server.cpp"
CONTRACT = ROOT / "proto" / "nl_image_service.proto"

NEEDED = (
    "apt-get install g++ pkg-config libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc"
)
"""As Debian and Ubuntu have it."""

PROGRAMS = ("g++", "pkg-config", "protoc", "grpc_cpp_plugin")
LIBRARIES = ("grpc++", "protobuf")
FLAGS = ("-std=c++23", "-O3", "-march=native")


class CppUnavailableError(Exception):
    """The C++ server cannot be built here; the text says why, and what to install."""


def build(cache: Path) -> Path:
    """Return the server's path below `cache`, where it stays for the next run."""
    if not all(map(shutil.which, PROGRAMS)) or _run("pkg-config", "--exists", *LIBRARIES).returncode:
        raise CppUnavailableError(f"it takes {NEEDED}")
    server = cache / f"server-{_key()}"
    if not server.exists():
        _compile(cache, server)
    return server


def _compile(folder: Path, server: Path) -> None:
    plugin = f"--plugin=protoc-gen-grpc={shutil.which('grpc_cpp_plugin')}"
    for outdated in folder.glob("server-*"):
        outdated.unlink()
    outputs = (f"--cpp_out={folder}", f"--grpc_out={folder}")
    _checked("protoc", f"-I{CONTRACT.parent}", *outputs, plugin, str(CONTRACT))
    generated = [str(folder / f"{CONTRACT.stem}{suffix}") for suffix in (".pb.cc", ".grpc.pb.cc")]
    unfinished = server.with_suffix(".part")
    sources = (f"-I{folder}", *_pkg_config("--cflags"), str(SOURCE), *generated)
    _checked("g++", *FLAGS, *sources, "-o", str(unfinished), *_pkg_config("--libs"))
    unfinished.replace(server)


def _key() -> str:
    """Return a hash of all that the result depends on; -### shows what "native" stands for here."""
    compiler = _run("g++", *FLAGS, "-###", "-E", "-x", "c++", "/dev/null").stderr
    libraries = _run("pkg-config", "--modversion", *LIBRARIES).stdout
    parts = (SOURCE.read_text("utf-8"), CONTRACT.read_text("utf-8"), compiler, libraries)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _pkg_config(option: str) -> Sequence[str]:
    return _run("pkg-config", option, *LIBRARIES).stdout.split()


def _checked(*command: str) -> None:
    done = _run(*command)
    if done.returncode:
        raise CppUnavailableError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
