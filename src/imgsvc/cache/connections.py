"""Connections to one Redis, of which none keeps anybody longer than it may.

A few of them are open and wait to be used. Whoever uses one only sends and receives: connecting, which may
hang in the name service or in a handshake, is done on a thread of its own. When something goes wrong all are
closed, and until that thread has got through again nobody else tries: a Redis that is down costs nothing.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AskError, ClusterDownError
from redis.retry import Retry

from imgsvc.cache.redis_errors import RefusedError, UnavailableError, UnservedError
from imgsvc.cache.redis_mode import CLUSTER
from imgsvc.cache.redis_reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Run = Callable[[Sequence[bytes]], Any]

__all__ = ["Connections"]

log = logging.getLogger("imgsvc.cache")

COUNT = 8
"""Open at a time: that many fetches, each of a fraction of a millisecond, keep one Redis busy."""

READ_BYTES = 1 << 18
"""At a time: redis-py's own 64 KiB take four times as many calls of the system for a large message."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
"""Seconds between two tries to connect; doubled each time, until it has worked for `STEADY` seconds."""

STEADY = 30.0
"""Seconds; and as often it is asked how it does, whether or not it is used."""

LOOKS = 8
"""Of the watch, in one timeout."""


class Connections:
    """The connections.

    Parameters
    ----------
    url
        ``redis://``, ``rediss://`` or ``unix://``, as redis-py takes it.
    name
        What the log calls it: without its password.
    timeout
        Seconds for connecting, and for each command.
    check
        Called on the connecting thread, with a function that runs a command: before they are opened. It
        raises `UnservedError` where they are not to be, now or ever.
    measure
        Called in the same way: when they are open, before anybody else uses them, and now and then.

    Attributes
    ----------
    errors : int
        How many commands were not answered.
    unserved : str
        Why Redis is never asked again; empty while it is.
    """

    def __init__(
        self,
        url: str,
        name: str,
        timeout: float,
        *,
        check: Callable[[Run], None],
        measure: Callable[[Run], None],
    ) -> None:
        self._over_tls = url.startswith("rediss:")
        self._pool = redis.ConnectionPool.from_url(
            url,
            # Before redis-py 6 any name would do.
            **({"ssl_check_hostname": True} if self._over_tls else {}),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            socket_read_size=READ_BYTES,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._name = name
        self._timeout = timeout
        self._check = check
        self._measure = measure
        self.errors = 0
        self.unserved = ""
        self._watch = _Watch(timeout / LOOKS)
        self._idle: queue.SimpleQueue[Any] | None = None  # None while Redis is down
        self._lock = threading.Lock()
        self._down = threading.Event()
        self._down.set()
        self._closed = threading.Event()
        self._tried = threading.Event()
        self._started = False
        self._thread = threading.Thread(target=self._keep, name="imgsvc-redis", daemon=True)
        self._thread.start()

    def first_try(self) -> str:
        """Wait until it is known whether Redis is there, or has had its time to answer; return `unserved`."""
        self._tried.wait(2 * self._timeout)
        with self._lock:
            self._started = True
            return self.unserved

    def run(self, command: Sequence[bytes]) -> Any:
        """Return what Redis answers to a command, in parts, within a timeout.

        Where all connections are in use, waiting for one takes half as long at most.

        Raises
        ------
        UnavailableError
            It did not.
        RefusedError
            It did, with an error.
        """
        idle = self._idle
        if idle is None:
            raise UnavailableError
        try:
            connection = idle.get(timeout=self._timeout / 2)
        except queue.Empty:
            raise UnavailableError from None
        if connection is None:  # Redis went down meanwhile: the next who waits is to know, too
            idle.put(None)
            raise UnavailableError
        try:
            return self._exchange(connection, command)
        except RefusedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever bytes Redis sends, the request goes on
            self._break(idle, error)
            raise UnavailableError from None
        finally:
            self._put_back(idle, connection)

    def close(self) -> None:
        """Close them, and end the threads; one that is connecting ends by itself."""
        self._closed.set()
        self._break(self._idle, None)
        self._down.set()
        self._thread.join(2 * self._timeout)
        self._watch.close()

    def _exchange(self, connection: Any, command: Sequence[bytes]) -> Any:
        with self._watch.until(time.monotonic() + self._timeout, connection):
            if connection.can_read(timeout=0):  # it would be taken for the answer to what is asked now
                raise redis.ConnectionError("an answer to nothing")
            connection.send_packed_command(command, check_health=False)
            try:
                return connection.read_response(disable_decoding=True)
            except redis.ResponseError as error:
                raise _meaning(error) from None

    def _put_back(self, idle: queue.SimpleQueue[Any], connection: Any) -> None:
        with self._lock:
            if self._idle is idle:
                idle.put(connection)
                return
        connection.disconnect()

    def _break(self, idle: queue.SimpleQueue[Any] | None, error: Exception | None) -> None:
        """Close all connections, unless somebody has done so."""
        with self._lock:
            self.errors += error is not None
            if idle is None or self._idle is not idle:
                return
            self._idle = None
            if isinstance(error, UnservedError):
                self.unserved = str(error)
        with contextlib.suppress(queue.Empty):
            while True:
                idle.get_nowait().disconnect()
        idle.put(None)
        if error is not None:
            self._tell(error)
        self._down.set()

    # The connecting thread.

    def _keep(self) -> None:
        pause, told = FIRST_PAUSE, False
        while not self._closed.is_set() and not self.unserved:
            try:
                self._look()
                idle = self._open()
            except UnservedError as error:
                with self._lock:
                    self.unserved = str(error)
                    started = self._started
                if started:  # or whoever starts it is told
                    self._tell(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                if not told:
                    self._tell(error, connecting=True)
                told = True
            else:
                self._down.clear()
                with self._lock:
                    self._idle = idle
                if told:
                    log.info("redis %s: back", self._name)
                told = True  # `_break` tells why it is down
                self._tried.set()
                if self._closed.is_set():  # it may have come before there was anything to close
                    self._break(idle, None)
                while not self._down.wait(STEADY):
                    pause = FIRST_PAUSE
                    with contextlib.suppress(UnavailableError, RefusedError):
                        self._measure(self.run)
            self._tried.set()
            self._closed.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _look(self) -> None:
        """Check what it is, without what some kinds refuse: databases and, of a sentinel, passwords."""
        for left_out in (("db",), ("db", "username", "password")):
            options = {name: v for name, v in self._pool.connection_kwargs.items() if name not in left_out}
            connection = self._pool.connection_class(**options)
            try:
                with contextlib.suppress(redis.AuthenticationError):
                    connection.connect()
                    self._check_over(connection)
                    return
            finally:
                connection.disconnect()

    def _check_over(self, connection: Any) -> None:
        try:
            self._check(lambda command: self._exchange(connection, command))
        except (UnservedError, UnavailableError, redis.AuthenticationError):
            raise
        except Exception as error:  # noqa: BLE001 - a proxy may hang up upon what it does not know
            log.debug("redis %s: of what kind it is, it does not say: %s", self._name, error)

    def _open(self) -> queue.SimpleQueue[Any]:
        idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            for _ in range(COUNT):
                connection = self._pool.connection_class(**self._pool.connection_kwargs)
                idle.put(connection)
                connection.connect()
            first = idle.get_nowait()
            idle.put(first)
            self._measure(lambda command: self._exchange(first, command))
        except BaseException:
            while not idle.empty():
                idle.get_nowait().disconnect()
            raise
        return idle

    def _tell(self, error: Exception, *, connecting: bool = False) -> None:
        what_now = "until it is back nothing is found in it"
        if isinstance(error, UnservedError):
            what_now = "it is not asked again before the server is restarted"
        reason = reason_of(error, greeting_tls=connecting and self._over_tls)
        log.warning("redis %s: %s; %s", self._name, reason, what_now)


def _meaning(error: redis.ResponseError) -> Exception:
    """Return what an error that Redis answered means. Old versions of redis-py leave its code in the text."""
    text = str(error)
    if isinstance(error, AskError) or text.startswith(("ASK ", "MOVED ")):  # a MovedError is an AskError
        return UnservedError(CLUSTER)
    if isinstance(error, ClusterDownError) or text.startswith("CLUSTERDOWN "):
        return UnavailableError(text)  # for a while: until its other nodes have come
    return RefusedError(text)


class _Watch:
    """Ends exchanges that take longer than they may: a socket's timeout is for each of its parts alone."""

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._ends: dict[Any, float] = {}
        self._some = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, name="imgsvc-redis-watch", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def until(self, end: float, connection: Any) -> Iterator[None]:
        """Watch a connection for as long as it is used."""
        self._ends[connection] = end
        if not self._some.is_set():
            self._some.set()
        try:
            yield
        finally:
            del self._ends[connection]

    def close(self) -> None:
        """End the watching thread."""
        self._closed.set()
        self._some.set()
        self._thread.join()

    def _look(self) -> None:
        while self._some.wait() and not self._closed.wait(self._tick):
            if not self._ends:
                self._some.clear()
                if self._ends or self._closed.is_set():  # it came in between
                    self._some.set()
            now = time.monotonic()
            for connection, end in list(self._ends.items()):
                if end <= now:
                    _cut(connection)


def _cut(connection: Any) -> None:
    """Make whoever reads or writes there get an error; closing it would free its number for another."""
    sock = connection._sock  # noqa: SLF001 - redis-py offers no other way
    if sock is not None:  # it may be closed by now
        with contextlib.suppress(OSError):
            # Not an SSLSocket's own method, which is for the thread that uses it.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
