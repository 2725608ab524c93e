"""Transport: RPCs straight from gRPC's completion queue. The one module that knows `grpc._cython.cygrpc`.

`grpc.server` hands each RPC to a thread from its headers on. Here one thread polls the queue: a new RPC is an
object, a body is asked for and nobody waits, and whoever has an answer sends it, on any thread. It uses what
grpcio's own ``_server.py`` uses, of the same names from 1.75 on; where a version lacks them, importing this
module raises ImportError, and `imgsvc.server.plain_transport` serves in its place.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from grpc._cython import cygrpc  # type: ignore[attr-defined]  # the stubs have its public parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import grpc

    Metadata = Sequence[tuple[str, str | bytes]]

__all__ = ["Rpc", "Transport"]

log = logging.getLogger("imgsvc.server")

try:
    _SendInitialMetadata = cygrpc.SendInitialMetadataOperation
    _SendMessage = cygrpc.SendMessageOperation
    _SendStatus = cygrpc.SendStatusFromServerOperation
    _ReceiveMessage = cygrpc.ReceiveMessageOperation
    _ReceiveClose = cygrpc.ReceiveCloseOnServerOperation
    _TIMEOUT = cygrpc.CompletionType.queue_timeout
    _auth_context = cygrpc.auth_context
except AttributeError as error:
    raise ImportError(f"this grpcio has no {error.name}") from error

OUTSTANDING = 32
"""New RPCs that gRPC may hand over before the first of them has been looked at."""

TICK_SECONDS = 0.1

NO_FLAGS = 0
NO_METADATA = _SendInitialMetadata(None, NO_FLAGS)
CLOSE_SECONDS = 2.0

_REQUEST, _SHUTDOWN = "request", "shutdown"


class _Over:
    """The call of an RPC that is over, of which nobody takes anything any more."""

    def start_server_batch(self, _operations: Any, _tag: Any) -> None:
        """Do nothing."""

    def cancel(self, _code: int, _details: str) -> None:
        """Do nothing."""


_OVER = _Over()


class Rpc:
    """One RPC on the wire, from its headers to its end.

    Callbacks run on the transport's thread, which serves everybody: they wait for nothing.

    Attributes
    ----------
    method : str
        As its client names it: ``"/NLImageService/MeanFilter"``.
    metadata : sequence of (str, str or bytes)
        That came with its headers.
    peer : str
        Its client's address, and port, as gRPC writes it: ``"ipv4:127.0.0.1:50000"``.
    deadline : float
        On the monotonic clock; infinity for none.
    """

    __slots__ = (
        "_begun",
        "_call",
        "_closed",
        "_received",
        "deadline",
        "metadata",
        "method",
        "peer",
    )

    def __init__(self, event: Any) -> None:
        self._call = call = event.call
        details = event.call_details
        self.method: str = details.method.decode("utf-8", "replace")
        self.metadata: Metadata = event.invocation_metadata
        self.peer: str = call.peer().decode("utf-8", "replace")
        seconds = details.deadline - time.time()
        self.deadline = time.monotonic() + seconds if seconds < CENTURY else math.inf
        self._begun = False
        self._closed: Callable[[bool], None] | None = None
        self._received: Callable[[bytes | None], None] | None = None

    def watch(self, closed: Callable[[bool], None]) -> None:
        """Have `closed` called at the end, as `finish` does, and as soon as the client has cancelled."""
        self._closed = closed
        self._call.start_server_batch((_ReceiveClose(NO_FLAGS),), self._on_close)

    def receive(self, received: Callable[[bytes | None], None]) -> None:
        """Ask for one message; `received` gets it, or None where there is none any more."""
        self._received = received
        self._call.start_server_batch((_ReceiveMessage(NO_FLAGS),), self._on_message)

    def send(self, message: bytes, sent: Callable[[], None]) -> None:
        """Send one of several messages; `sent` is called when gRPC takes the next."""
        operations = [] if self._begun else [NO_METADATA]
        operations.append(_SendMessage(message, NO_FLAGS))
        self._begun = True
        self._call.start_server_batch(operations, lambda _: sent())

    def finish(
        self,
        code: int,
        details: str = "",
        metadata: Metadata | None = None,
        message: bytes | None = None,
        closed: Callable[[bool], None] | None = None,
    ) -> None:
        """Send the last message, if any, and the status; any thread may do so, once.

        Parameters
        ----------
        code, details, metadata
            The status, and what is told beside it.
        message
            The only one, or the last.
        closed
            Called when all has gone, or never will, with whether it was cut off; None after `watch`.
        """
        operations: list[Any] = [] if self._begun else [NO_METADATA]
        if message is not None:
            operations.append(_SendMessage(message, NO_FLAGS))
        operations.append(_SendStatus(metadata, code, details.encode(), NO_FLAGS))
        if closed is None:
            self._call.start_server_batch(operations, _nothing)
        else:
            self._closed = closed
            operations.append(_ReceiveClose(NO_FLAGS))
            self._call.start_server_batch(operations, self._on_close)

    def cancel(self, code: int, details: str) -> None:
        """End it with a status, whatever it waits for; what it was waiting for is then called."""
        self._call.cancel(code, details)

    def certificate_names(self) -> list[str]:
        """Return the names in its client's certificate that gRPC has verified; the common name first."""
        found = {} if self._call is _OVER else _auth_context(self._call)
        names = [*found.get(b"x509_common_name", ()), *found.get(b"x509_subject_alternative_name", ())]
        return [name.decode("utf-8", "replace") for name in names]

    def _on_message(self, event: Any) -> None:
        received, self._received = self._received, None
        received(event.batch_operations[0].message())  # type: ignore[misc]  # `receive` has set it

    def _on_close(self, event: Any) -> None:
        # gRPC counts the stream of its connection as open for as long as somebody has its call.
        self._call = _OVER
        closed, self._closed = self._closed, None
        closed(bool(event.batch_operations[-1].cancelled()))  # type: ignore[misc]  # set with the operation


CENTURY = 3e9


class Transport:
    """A gRPC server that hands over RPCs.

    Attributes
    ----------
    name : str
        What servers tell of which one they have.

    Parameters
    ----------
    options
        gRPC's, by name.
    accept
        Takes each new RPC, on the transport's thread.
    tick
        Called on that thread now and then: about every tenth of a second.
    """

    name = "completion queue"

    def __init__(
        self,
        options: Iterable[tuple[str, int]],
        accept: Callable[[Rpc], None],
        tick: Callable[[], None],
    ) -> None:
        self._accept = accept
        self._tick = tick
        self._queue = cygrpc.CompletionQueue()
        self._server = cygrpc.Server(tuple((name.encode(), value) for name, value in options), False)
        self._server.register_completion_queue(self._queue)
        self._outstanding = 0
        self._stopping = self._is_over = False
        self._thread = threading.Thread(target=self._serve, name="imgsvc-events", daemon=True)

    def add_port(self, target: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listen on an address, before `start`; return its port, 0 where that cannot be."""
        address = target.encode()
        if credentials is None:
            return int(self._server.add_http2_port(address))
        return int(self._server.add_http2_port(address, credentials._credentials))  # type: ignore[attr-defined]  # noqa: SLF001

    def start(self) -> None:
        """Serve."""
        self._server.start()
        for _ in range(OUTSTANDING):
            self._ask()
        self._thread.start()

    def stop(self) -> None:
        """Tell clients to go, cut off what is left, and end the thread."""
        if not self._thread.is_alive():
            return
        self._stopping = True
        self._server.shutdown(self._queue, _SHUTDOWN)
        self._server.cancel_all_calls()
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._queue.shutdown()
            self._server.destroy()

    def _ask(self) -> None:
        self._outstanding += 1
        self._server.request_call(self._queue, self._queue, _REQUEST)

    def _serve(self) -> None:
        next_tick = time.time() + TICK_SECONDS
        while True:
            try:
                next_tick = self._poll(next_tick)
                if self._is_over:
                    return
            except Exception:  # it serves everybody else
                log.exception("an event was not dealt with")

    def _poll(self, next_tick: float) -> float:
        """Deal with events until the next tick, and with that; return when the one after it is due."""
        poll, clock = self._queue.poll, time.time
        while True:
            event = poll(next_tick)
            tag = event.tag
            if tag is _REQUEST:
                self._outstanding -= 1
                if not self._stopping:
                    self._ask()
                if event.call is not None and event.call.is_valid:
                    self._begin(event)
            elif tag is _SHUTDOWN:  # the last, when all RPCs are over
                self._is_over = True
                return next_tick
            elif event.completion_type != _TIMEOUT:
                tag(event)
            tag = event = None  # or they would live, with a body, until the next
            if clock() >= next_tick:
                next_tick = clock() + TICK_SECONDS
                self._tick()
                return next_tick

    def _begin(self, event: Any) -> None:
        try:
            self._accept(Rpc(event))
        except Exception:
            log.exception("an RPC could not be taken on")
            event.call.cancel(cygrpc.StatusCode.internal, "internal error")


def _nothing(_event: Any) -> None:
    """Have no more to do."""
