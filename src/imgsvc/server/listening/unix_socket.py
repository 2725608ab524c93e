"""The path of a Unix socket, and whether it can be listened on."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._targets import unix_target
from imgsvc.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["prepare", "with_mode"]

# sun_path holds 108 bytes on Linux and 104 elsewhere, with a zero at the end.
MAX_PATH = 103


def prepare(path: str) -> str:
    """Make way for a socket at `path`, and return its gRPC target.

    Raises
    ------
    AddressError
        A server listens there, or a file that is no socket is there, or its folder is not there or not
        writable.
    """
    absolute = Path(path).absolute()
    if len(os.fsencode(absolute)) > MAX_PATH:
        raise AddressError(f"--unix-socket: {path}: longer than {MAX_PATH} bytes")
    if "," in str(absolute):
        raise AddressError(f"--unix-socket: {path}: gRPC's clients take a comma for the end of the path")
    if not os.access(absolute.parent, os.W_OK | os.X_OK):
        raise AddressError(f"--unix-socket: {path}: cannot be created: is its folder there, and writable?")
    _remove_stale(absolute)
    return unix_target(absolute)


@contextlib.contextmanager
def with_mode(path: str, mode: str | None) -> Iterator[None]:
    """Have the socket that is bound in the block let in nobody else, at no time.

    In ``connect(2)`` the kernel asks who may write to the file. `mode` is octal; None is for the umask's.
    """
    if mode is None:
        yield
        return
    wanted = int(mode, 8)
    before = os.umask(~wanted & 0o777)  # of the whole process, which does nothing else yet
    try:
        yield
    finally:
        os.umask(before)
    Path(path).chmod(wanted)


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on; anything else in its place stays."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise AddressError(f"--unix-socket: {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise AddressError(f"--unix-socket: {path}: is there already and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise AddressError(f"--unix-socket: {path}: {error.strerror or error}") from error
        else:
            raise AddressError(f"--unix-socket: {path}: is in use by another server")
