"""Code generated from the protos by the compilers of other languages, where these are installed."""

import shutil
import subprocess
from pathlib import Path

import google.rpc
import pytest

from tests.interop.pages import PROTOS

FILES = sorted(str(path.relative_to(PROTOS)) for path in (PROTOS / "imgsvc").rglob("*.proto"))
DETAILS = [f"google/rpc/{name}.proto" for name in ("code", "error_details", "status")]


def needs(*programs):
    """Return a mark that skips tests where a program is missing, and names it."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def succeed(command, **kwargs):
    """Run a command, and fail with what it said."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed(command):
    """Return whether a command succeeds that asks for a library."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def googleapis():
    """Return the folder that has ``google/rpc``, for languages whose gRPC does not bring it."""
    return Path(next(iter(google.rpc.__path__))).parents[1]


def path_of(program):
    """Return where a program is, which `needs` has found."""
    return shutil.which(program)
