"""Decoding and encoding in helper programs, which can be ended: see `imgsvc.codec.helper`."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import os
import select
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from imgsvc import errors
from imgsvc.codec.decoding import decode
from imgsvc.codec.encoding import encode
from imgsvc.codec.helper import decoded_of, parts_of, received, send
from imgsvc.errors import InvalidImageError, StoppedError

if TYPE_CHECKING:
    from imgsvc._stop import Stop
    from imgsvc.codec.decode_options import DecodeLimits, DecodeOptions
    from imgsvc.codec.decoding import Decoded
    from imgsvc.codec.encoding import EncodeOptions
    from imgsvc.codec.formats import Format
    from imgsvc.codec.header import Header

__all__ = ["Helpers"]

log = logging.getLogger("imgsvc.codec")

LOOK_MILLISECONDS = 20
"""Between two looks at whether somebody still waits for an answer."""

ROOM_BYTES = 512 << 20
BYTES_PER_PIXEL = 256
"""Memory that a helper may take: AVIF's encoder takes a hundred and more for each pixel."""

LONGEST_SECONDS = 3600.0
END_SECONDS = 1.0
MOST_FAILURES = 3
"""Starts in a row that fail, before nobody tries any more."""

AVAILABLE = hasattr(os, "memfd_create") and hasattr(socket, "send_fds")


class Helpers:
    """Helper programs, started when they are wanted. Each works for one caller, who has a core for it.

    Where there are none (no Linux, no interpreter to start), the work is done in this process, as it would be
    without: then it ends when it is done.
    """

    def __init__(self) -> None:
        self._idle: list[_Helper] = []
        self._busy: set[_Helper] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._failures = 0
        self._available = AVAILABLE and bool(sys.executable)

    def decode(
        self,
        data: bytes | bytearray | memoryview,
        options: DecodeOptions,
        limits: DecodeLimits,
        *,
        at_least: tuple[int, int] | None,
        header: Header,
        stop: Stop,
    ) -> Decoded:
        """Return what `imgsvc.codec.decode` does; raises the same.

        Raises
        ------
        StoppedError
            `stop` said so; the helper is ended.
        """
        request = {
            "what": "decode",
            "options": dataclasses.asdict(options),
            "limits": dataclasses.asdict(limits),
            "at_least": at_least,
            "most_bytes": _most_bytes(header.most_pixels * header.frames) + 4 * len(data),
        }
        answer = self._ask(request, [data], stop)
        if answer is None:
            return decode(data, options, limits, at_least=at_least, header=header)
        return decoded_of(*answer)

    def encode(self, image: Decoded, format: Format, options: EncodeOptions, *, stop: Stop) -> bytes:  # noqa: A002
        """Return what `imgsvc.codec.encode` does; raises the same, and StoppedError."""
        told, parts = parts_of(image)
        pixels = sum(math.prod(frame.shape[:2]) for frame in image.frames)
        request = {
            "what": "encode",
            "format": format,
            "options": dataclasses.asdict(options),
            "most_bytes": _most_bytes(pixels),
            "image": told,
        }
        answer = self._ask(request, parts, stop)
        if answer is None:
            return encode(image, format, options)
        return bytes(answer[1])

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._idle) + len(self._busy)

    def close(self) -> None:
        """End them."""
        with self._lock:
            self._closed = True
            helpers = [*self._idle, *self._busy]
            self._idle.clear()
        for helper in helpers:
            helper.end()

    def _ask(
        self, request: dict[str, Any], parts: list[Any], stop: Stop
    ) -> tuple[dict[str, Any], memoryview] | None:
        """Return a helper's answer; None where there is no helper."""
        remaining = stop.remaining
        cores = os.cpu_count() or 1
        request["most_seconds"] = LONGEST_SECONDS if remaining is None else max(remaining, 0.0) * cores
        while self._available and self._failures < MOST_FAILURES:
            helper = self._taken()
            if helper is None:
                return None
            try:
                answer = helper.ask(request, parts, stop)
            except _GoneError:
                self._drop(helper)
                if helper.crashed:
                    raise InvalidImageError(
                        "image", "one that ends its decoder or encoder", "another"
                    ) from None
                if helper.began:  # and has had nothing to do for long enough
                    continue
                self._failures += 1
                log.warning("a helper program does not start: what takes long cannot be ended early")
                return None
            except BaseException:
                self._drop(helper)
                raise
            self._failures = 0
            self._give_back(helper)
            return _checked(*answer)
        return None

    def _taken(self) -> _Helper | None:
        with self._lock:
            if self._closed:
                return None
            if self._idle:
                helper = self._idle.pop()
                self._busy.add(helper)
                return helper
        try:
            helper = _Helper()
        except OSError as error:
            log.warning("no helper program can be started: %s", error)
            return None
        with self._lock:
            self._busy.add(helper)
        return helper

    def _give_back(self, helper: _Helper) -> None:
        with self._lock:
            self._busy.discard(helper)
            if not self._closed:
                self._idle.append(helper)
                return
        helper.end()

    def _drop(self, helper: _Helper) -> None:
        with self._lock:
            self._busy.discard(helper)
        helper.end()


class _GoneError(Exception):
    """A helper that is there no more."""


class _Helper:
    """One program.

    Attributes
    ----------
    began
        Whether it has said that it is there.
    crashed
        Whether a signal has ended it, and not `end` or itself; known once it has gone.
    """

    def __init__(self) -> None:
        self.began = self.crashed = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - this program
                    [sys.executable, "-m", "imgsvc.codec.helper", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    cwd="/",
                    env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
                )
            except BaseException:
                ours.close()
                raise
        self._connection = ours

    def ask(self, request: dict[str, Any], parts: list[Any], stop: Stop) -> tuple[dict[str, Any], memoryview]:
        """Return an answer.

        Raises
        ------
        StoppedError
            `stop` said so before there was one.
        """
        try:
            if not self.began:
                self._wait(stop)
                self.began = True
            send(self._connection, request, parts)
        except OSError:
            raise _GoneError from None
        try:
            return self._wait(stop)
        except (OSError, _GoneError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.crashed = self._process.wait(END_SECONDS) < 0
            raise _GoneError from None

    def _wait(self, stop: Stop) -> tuple[dict[str, Any], memoryview]:
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while not poll.poll(LOOK_MILLISECONDS):
            if _is_over(stop):
                raise StoppedError(cancelled=stop.cancelled)
        message = received(self._connection)
        if message is None:
            raise _GoneError
        return message

    def end(self) -> None:
        """End it, whatever it does."""
        self._connection.close()
        self._process.kill()
        with contextlib.suppress(OSError):
            self._process.wait()


def _is_over(stop: Stop) -> bool:
    """Return whether nobody waits any more; a deadline alone is noted by kernels, of which there is none."""
    remaining = stop.remaining
    return stop.cancelled or (remaining is not None and remaining <= 0)


def _most_bytes(pixels: int) -> int:
    return ROOM_BYTES + BYTES_PER_PIXEL * pixels


def _checked(answer: dict[str, Any], memory: memoryview) -> tuple[dict[str, Any], memoryview]:
    """Raise what an answer says that was raised, or return it."""
    name = answer.get("error")
    if name is None:
        return answer, memory
    if name == "MemoryError":
        raise MemoryError
    raise getattr(errors, name)(*answer["of"])
