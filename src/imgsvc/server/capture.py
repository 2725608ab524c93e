"""Requests that failed, kept in files: few, small in sum, and for nobody else's eyes."""

from __future__ import annotations

import collections
import contextlib
import datetime
import os
import re
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsvc._files import failure_of
from imgsvc.errors import ConfigurationError
from imgsvc.wire.captured import captured_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgsvc.config import ServerConfig
    from imgsvc.server.call import Work

__all__ = ["Capture", "open_capture"]

CODES = {"INVALID_ARGUMENT", "INTERNAL"}
"""What a request was at fault for, or the server; one that came at a bad time would go well the next."""

PER_SECOND, BURST = 10.0, 20.0
"""Files: a flood of bad requests is to cost little, and not to push out all that was there."""

NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-\d{6}-[A-Z_]+\.request")
UNFINISHED = ".part"
KEPT_METADATA = frozenset(
    {"user-agent", "grpc-accept-encoding", "traceparent", "tracestate", "x-request-id", "x-forwarded-for"}
)
"""What says where a request came from, and is no secret. What other names mean, nobody here knows."""


def open_capture(config: ServerConfig) -> Capture | None:
    """Return the observer that a server is to have, if any; see `Capture`."""
    if config.capture_bad_requests is None:
        return None
    return Capture(
        config.capture_bad_requests,
        max_files=config.capture_max_files,
        max_bytes=config.capture_max_bytes,
        pixels=config.capture_pixels,
    )


class Capture:
    """An observer, which is asked beforehand about the requests that it will have to hold.

    Parameters
    ----------
    folder
        Where files are written; made if it is not there.
    max_files, max_bytes
        Of these, and in sum; the oldest go first. No more bytes wait to be written, either.
    pixels
        Whether with their payloads.

    Raises
    ------
    ConfigurationError
        The folder cannot be made or written to, or is open to others.
    """

    def __init__(self, folder: str, *, max_files: int, max_bytes: int, pixels: bool) -> None:
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._pixels = pixels
        self._folder = _open_folder(folder)
        self._files: collections.deque[tuple[str, int]] = collections.deque(self._found())
        self._total = sum(size for _, size in self._files)
        self._number = 0
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._allowance, self._since = BURST, time.monotonic()

    def choose(self, record: Work) -> None:
        """Let a record of a call that is over keep its request, or not; any thread may call it."""
        request = record.request
        if request is not None and not (record.code in CODES and self._take(request.num_bytes)):
            record.request = None

    def observe(self, records: Sequence[Work]) -> None:
        """Write the requests of some calls; raise the first error when all have been tried."""
        first: list[Exception] = []  # an error that this frame holds would hold this frame, and a request
        for record in records:
            request, record.request = record.request, None
            if request is not None:
                try:
                    record.captured = self._keep(record, request.body())
                except Exception as error:  # noqa: BLE001 - the others wait, and are counted
                    first = first or [error]
                finally:
                    with self._lock:
                        self._waiting_bytes -= request.num_bytes
        if first:
            raise first.pop()

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)

    def _take(self, size: int) -> bool:
        with self._lock:
            now = time.monotonic()
            self._allowance = min(BURST, self._allowance + PER_SECOND * (now - self._since))
            self._since = now
            if self._allowance < 1 or self._waiting_bytes + size > self._max_bytes:
                return False
            self._allowance -= 1
            self._waiting_bytes += size
            return True

    def _keep(self, record: Work, body: bytes) -> str:
        """Write a file, and return its name: nothing from outside is in that."""
        now = datetime.datetime.now(datetime.timezone.utc)
        content = captured_file(record.method, body, _about(record, now), pixels=self._pixels)
        if len(content) > self._max_bytes:
            return ""
        self._number += 1
        name = f"{now:%Y%m%dT%H%M%S.%fZ}-{self._number % 1_000_000:06d}-{record.code}.request"
        while self._files and (
            len(self._files) >= self._max_files or self._total + len(content) > self._max_bytes
        ):
            oldest, size = self._files.popleft()
            self._total -= size
            with contextlib.suppress(FileNotFoundError):
                os.unlink(oldest, dir_fd=self._folder)
        self._write(name, content)
        self._files.append((name, len(content)))
        self._total += len(content)
        return name

    def _write(self, name: str, content: bytes) -> None:
        unfinished = name + UNFINISHED
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            with open(os.open(unfinished, flags, 0o600, dir_fd=self._folder), "wb") as file:  # noqa: PTH123
                file.write(content)
            os.rename(unfinished, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(unfinished, dir_fd=self._folder)
            raise

    def _found(self) -> list[tuple[str, int]]:
        """Return the files of earlier servers, the oldest first; what one did not finish goes."""
        found = []
        for name in sorted(os.listdir(self._folder)):  # noqa: PTH208 - of a descriptor
            if NAME.fullmatch(name):
                found.append((name, os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_size))
            elif NAME.fullmatch(name.removesuffix(UNFINISHED)):
                os.unlink(name, dir_fd=self._folder)
        return found


def _open_folder(folder: str) -> int:
    option = f"--capture-bad-requests: {folder}"
    try:
        with contextlib.suppress(FileExistsError):
            Path(folder).mkdir(mode=0o700)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"{option}: {failure_of(error)}") from error
    status = os.fstat(opened)
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid() or mode & 0o077:
        os.close(opened)
        raise ConfigurationError(
            f"{option}: mode {mode:o} of user {status.st_uid}, expected 700 of user {os.geteuid()}: "
            "others could read what callers send"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        os.close(opened)
        raise ConfigurationError(f"{option}: mode {mode:o}, expected 700: it cannot be written to")
    return opened


def _about(record: Work, now: datetime.datetime) -> dict[str, Any]:
    return {
        "time": now.isoformat(),
        "id": record.id,
        "peer": record.peer,
        "caller": record.caller,
        "code": record.code,
        "field": record.field,
        "details": record.details,
        "error_id": record.error_id,
        "metadata": [
            [key, value] for key, value in record.metadata if isinstance(value, str) and key in KEPT_METADATA
        ],
    }
