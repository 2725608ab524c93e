"""Background stream: what is written to a file descriptor without ever waiting for whoever reads it."""

from __future__ import annotations

import collections
import contextlib
import os
import threading
import time

__all__ = ["BackgroundStream"]

MAX_BYTES = 4 << 20
"""That wait: some ten thousand lines."""

CHUNK_BYTES = 1 << 16
CLOSE_SECONDS = 0.5


class BackgroundStream:
    """A text stream whose writes are done by a thread, in their order.

    What does not fit behind what waits is lost, and a line says how many writes that were once it goes on.

    Parameters
    ----------
    descriptor
        Of the file, which may be a pipe that nobody reads.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: collections.deque[bytes] = collections.deque()
        self._num_bytes = 0
        self._lost = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="imgsvc-log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Have a text written; return its length."""
        content = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._num_bytes + len(content) > MAX_BYTES:
                self._lost += 1
            else:
                self._waiting.append(content)
                self._num_bytes += len(content)
                self._changed.notify()
        return len(text)

    def flush(self) -> None:
        """Do nothing: it would be waiting."""

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait until all is written, or so many seconds."""
        end = time.monotonic() + seconds
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(max(end - time.monotonic(), 0.0))

    def _run(self) -> None:
        while (content := self._next()) is not None:
            view = memoryview(content)
            with contextlib.suppress(OSError):  # the file is gone, or full: nobody is to be told in it
                while view:
                    view = view[os.write(self._descriptor, view[:CHUNK_BYTES]) :]

    def _next(self) -> bytes | None:
        """Wait for something to write; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            if self._lost and self._num_bytes < MAX_BYTES // 2:
                lost, self._lost = self._lost, 0
                return f"imgsvc-server: {lost} writes to the log are lost: nobody read it\n".encode()
            content = self._waiting.popleft()
            self._num_bytes -= len(content)
            return content
