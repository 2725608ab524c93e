"""Results in Redis: for several servers, and beyond a restart."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from typing import TYPE_CHECKING

from imgsvc.cache.connections import Connections
from imgsvc.cache.frame import framed, message_of
from imgsvc.cache.rates import FetchRate
from imgsvc.cache.redis_commands import command, set_command
from imgsvc.cache.redis_errors import RefusedError, UnavailableError
from imgsvc.cache.redis_mode import check_mode
from imgsvc.cache.redis_tls import check_tls_files
from imgsvc.errors import ConfigurationError
from imgsvc.runtime.fair_pool import blocking

if TYPE_CHECKING:
    from imgsvc.cache.connections import Run

__all__ = ["RedisStore"]

log = logging.getLogger("imgsvc.cache")

QUEUE_BYTES = 64 << 20
"""Of messages that are on their way into Redis; what comes when there are more is not kept."""

GARBAGE_SECONDS = 60.0
"""Between two lines of the log on keys that hold something else."""

PROBE_BYTES = 1 << 18
PROBE_MILLISECONDS = 1000
PROBES = 4
"""Of each kind. Together there are as many as connections, which take turns: so none is idle for long, which
some make Redis, or what is on the way to it, close."""


class RedisStore:
    """Keeps messages in Redis, each by itself, with a time to live.

    Parameters
    ----------
    url, name, timeout
        See `imgsvc.cache.connections.Connections`.
    ttl
        Seconds that a message is kept.
    prefix
        What the keys begin with.

    Raises
    ------
    ConfigurationError
        The files that the URL names cannot be used, or what answers there does not hold all keys. Where
        nobody answers in time, it is tried again behind everything else.
    """

    def __init__(self, url: str, name: str, *, timeout: float, ttl: float, prefix: str) -> None:
        check_tls_files(url)
        self._name = name
        self._prefix = prefix.encode()
        self._milliseconds = max(1, round(1e3 * ttl))
        self._timeout = timeout
        self._rate = FetchRate()
        self._waiting: dict[bytes, bytes] = {}
        self._waiting_bytes = 0
        self._to_write: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._refusals: dict[str, str] = {}
        self._told = -math.inf
        self._stores = self._dropped = self._errors = 0
        self._connections = Connections(
            url, name, timeout, check=lambda run: check_mode(run, self._prefix), measure=self._measure
        )
        self._thread = threading.Thread(target=self._write, name="imgsvc-redis-writer", daemon=True)
        self._thread.start()
        unserved = self._connections.first_try()
        if unserved:
            self.close()
            raise ConfigurationError(f"--cache: redis {name}: {unserved}")

    def get(self, key: bytes) -> bytes | None:
        """Return a message; None where there is none, or none in time, or another than was written."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            return waiting
        start = time.perf_counter()
        try:
            with blocking():
                value = self._connections.run(command(b"GET", self._name_of(key)))
        except UnavailableError:
            return None
        except RefusedError as error:
            self._note("reading", str(error))
            return None
        self._note("reading", "")
        if value is None:
            self._rate.observe(0, time.perf_counter() - start)
            return None
        message = message_of(key, value)
        if message is None:
            self._note_garbage(key)
            return None
        self._rate.observe(len(message), time.perf_counter() - start)
        return message

    def peek(self, key: bytes) -> bytes | None:
        """Return a message that is on its way into Redis."""
        return self._waiting.get(key)

    def put(self, key: bytes, message: bytes) -> None:
        """Have a message written, unless too many are waiting for that."""
        with self._lock:
            if key in self._waiting:
                return
            if self._waiting_bytes + len(message) > QUEUE_BYTES:
                self._dropped += 1
                return
            self._waiting[key] = message
            self._waiting_bytes += len(message)
        self._to_write.put(key)

    def fetch_seconds(self, num_bytes: int) -> float:
        """Return what it takes to fetch so many bytes; for ever, where that might not be done in time."""
        if self._connections.unserved:
            return math.inf
        seconds = self._rate.seconds(num_bytes)
        return seconds if 2 * seconds < self._timeout and 2 * num_bytes <= QUEUE_BYTES else math.inf

    def counters(self) -> dict[str, int]:
        """Return its counters by name; what Redis holds and evicts, Redis knows."""
        with self._lock:
            return {
                "stores": self._stores,
                "dropped": self._dropped,
                "evictions": 0,
                "errors": self._errors + self._connections.errors,
                "bytes": self._waiting_bytes,
                "entries": len(self._waiting),
            }

    def close(self) -> None:
        """Write what is waiting, for as long as one message may take, and close the connections."""
        self._to_write.put(None)
        self._thread.join(2 * self._timeout)
        self._connections.close()
        self._to_write.put(None)
        self._thread.join()

    def _name_of(self, key: bytes) -> bytes:
        return self._prefix + key.hex().encode()

    def _note(self, doing: str, refusal: str) -> None:
        """Count a refusal, and log it when it is another than the one before; an empty one is none."""
        if refusal:
            with self._lock:
                self._errors += 1
        if self._refusals.get(doing, "") == refusal:
            return
        self._refusals[doing] = refusal
        if refusal:
            log.warning("redis %s: %s: refused: %s", self._name, doing, refusal[:200])
        else:
            log.info("redis %s: %s: works again", self._name, doing)

    def _note_garbage(self, key: bytes) -> None:
        now = time.monotonic()
        with self._lock:
            self._errors += 1
            due = now - self._told > GARBAGE_SECONDS
            if due:
                self._told = now
        if due:
            name = self._name_of(key).decode()
            log.warning("redis %s: %s does not hold what was written there", self._name, name)

    def _measure(self, run: Run) -> None:
        """Find out how far away Redis is."""
        self._rate.latency = min(_seconds(run, command(b"PING")) for _ in range(PROBES))
        name, probe = self._prefix + b"probe", bytes(PROBE_BYTES)
        try:
            run(set_command(name, b"", probe, PROBE_MILLISECONDS))
            seconds = min(_seconds(run, command(b"GET", name)) for _ in range(PROBES))
        except RefusedError:
            return
        self._rate.a_byte = max(seconds - self._rate.latency, 0.0) / PROBE_BYTES

    def _write(self) -> None:
        while (key := self._to_write.get()) is not None:
            message = self._waiting[key]
            written = set_command(self._name_of(key), framed(key, message), message, self._milliseconds)
            try:
                self._connections.run(written)
            except UnavailableError:
                stored = 0
            except RefusedError as error:
                stored = 0
                self._note("writing", str(error))
            else:
                stored = 1
                self._note("writing", "")
            with self._lock:
                self._stores += stored
                self._dropped += 1 - stored
                del self._waiting[key]
                self._waiting_bytes -= len(message)


def _seconds(run: Run, asked: list[bytes]) -> float:
    start = time.perf_counter()
    run(asked)
    return time.perf_counter() - start
