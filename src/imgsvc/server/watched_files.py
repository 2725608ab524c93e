"""Files that are read again when they change, without a restart.

One thread looks at their times, sizes and inodes twice a second, so that neither a call nor a handshake waits
for a disk. That also sees files that are replaced by renaming, or by turning a link as Kubernetes does, and
those that become readable. What the system could not read is tried again: it may have been short of
descriptors, and what was revoked would be valid until the next change.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Stamp = tuple[tuple[int, ...] | None, ...]

__all__ = ["WatchedFiles"]

log = logging.getLogger("imgsvc.server")

LOOK_SECONDS = 0.5


@dataclasses.dataclass
class _Watched:
    paths: tuple[Path, ...]
    load: Callable[[], None]
    seen: Stamp
    unread: bool = False


class WatchedFiles:
    """The files of one server."""

    def __init__(self) -> None:
        self._all: list[_Watched] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, paths: Sequence[str], load: Callable[[], None]) -> None:
        """Have `load` read files now, and whenever one of them has changed.

        Later failures are logged, one line for each version of the files, and `load` should then leave things
        as they are.

        Raises
        ------
        ConfigurationError
            They cannot be loaded now.
        """
        watched = _Watched(tuple(map(Path, paths)), load, ())
        watched.seen = _stamp(watched.paths)
        load()
        self._all.append(watched)

    def start(self) -> None:
        """Watch, if there is anything to watch."""
        if self._all:
            self._thread = threading.Thread(target=self._watch, name="imgsvc-files", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            for watched in self._all:
                _look(watched)


def _look(watched: _Watched) -> None:
    stamp = _stamp(watched.paths)
    if stamp == watched.seen and not watched.unread:
        return
    names = ", ".join(map(str, watched.paths))
    told = stamp == watched.seen
    unread = False
    try:
        watched.load()
    except ConfigurationError as error:
        unread = isinstance(error.__cause__, OSError)
        if not (told and unread):
            log.error("%s; what was read before stays in use", error)  # noqa: TRY400 - the line says it all
    except Exception as error:
        unread = isinstance(error, OSError)
        if not (told and unread):
            log.exception("%s: cannot be read again; what was read before stays in use", names)
    else:
        log.info("read again: %s", names)
    watched.unread = unread
    if _stamp(watched.paths) == stamp:  # otherwise it was written meanwhile: look once more
        watched.seen = stamp


def _stamp(paths: tuple[Path, ...]) -> Stamp:
    return tuple(map(_stamp_of, paths))


def _stamp_of(path: Path) -> tuple[int, ...] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size
